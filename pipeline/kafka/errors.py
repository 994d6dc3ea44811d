"""What Kafka's errors mean for the one who runs a worker."""

from __future__ import annotations

from aiokafka.errors import (
    AuthenticationFailedError,
    BrokerResponseError,
    CorruptRecordException,
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    kafka_errors,
)

LOGIN = (AuthenticationFailedError, SaslAuthenticationFailed)
"""The brokers refuse the login."""


class FencedInstanceIdError(BrokerResponseError):  # type: ignore[misc] # its kind has no hints
    """A member with the same group_instance_id has the place of this one; aiokafka names it not.

    Source: https://kafka.apache.org/protocol.html#protocol_error_codes.
    """

    errno = 82
    message = "FENCED_INSTANCE_ID"
    description = "The broker rejected this static consumer since another one has its id."


kafka_errors.setdefault(FencedInstanceIdError.errno, FencedInstanceIdError)


def explain(error: BaseException) -> str:
    """One line that says what is wrong, and what can be done where that is known."""
    for kind, meaning in _MEANINGS.items():
        if isinstance(error, kind):
            named = _names(error)
            return meaning.format(named, about=f": {named}" if named else "")
    if FencedInstanceIdError.__name__ in str(error):  # aiokafka wraps the text of what it sees
        return _MEANINGS[FencedInstanceIdError]
    return f"{type(error).__name__}: {error}"


def text(error: BaseException) -> str:
    """What an error says; of one that says nothing, its name."""
    return str(error) or type(error).__name__


def _names(error: BaseException) -> str:
    """What an error is about: groups or topics."""
    named = error.args[0] if error.args else ""
    names = sorted(named) if isinstance(named, (set, frozenset, list, tuple)) else [named]
    return ", ".join(str(name) for name in names)


_MEANINGS: dict[type[BaseException], str] = {
    InconsistentGroupProtocolError: (
        "other members of the group use another protocol: another program has the same group_id"
        "{about}; end it, or give this pipeline a group_id of its own"
    ),
    InvalidSessionTimeoutError: (
        "the brokers do not take this session_timeout: it is outside "
        "group.min.session.timeout.ms and group.max.session.timeout.ms"
    ),
    GroupAuthorizationFailedError: "not authorized to read group {}",
    TopicAuthorizationFailedError: "not authorized for topic {}",
    FencedInstanceIdError: (
        "another worker has the same group_instance_id and has taken the place of this one; give "
        "each its own"
    ),
    CorruptRecordException: "{}; it is read again",
    AuthenticationFailedError: "the brokers refuse the login: {}",
    SaslAuthenticationFailed: "the brokers refuse the login: {}",
}
