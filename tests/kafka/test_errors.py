"""What Kafka's errors mean for the one who runs a worker."""

from __future__ import annotations

import pytest
from aiokafka import errors
from aiokafka.errors import KafkaError

from pipeline.kafka.errors import explain, text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.InconsistentGroupProtocolError(), "another program has the same group_id"),
        (errors.InvalidSessionTimeoutError(), "session_timeout: it is outside group.min.session"),
        (errors.GroupAuthorizationFailedError("g"), "not authorized to read group g"),
        (errors.TopicAuthorizationFailedError({"b", "a"}), "not authorized for topic a, b"),
        (errors.AuthenticationFailedError("no"), "the brokers refuse the login: no"),
        (errors.for_code(82)(), "another worker has the same group_instance_id and has taken"),
        (KafkaError("FencedInstanceIdError()"), "another worker has the same group_instance_id"),
        (KafkaError("GroupMaxSizeReached()"), "KafkaError: KafkaError: GroupMaxSizeReached()"),
    ],
)
def test_explain(error: KafkaError, said: str) -> None:
    """The error, and what can be done about it."""
    assert said in explain(error)


def test_an_error_without_a_word_has_its_name() -> None:
    assert (text(TimeoutError()), text(TimeoutError("late"))) == ("TimeoutError", "late")
