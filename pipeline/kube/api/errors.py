"""The errors of requests to an API server."""

from __future__ import annotations


class ConnectError(Exception):
    """No API server can be determined: no kubeconfig, unknown context, or not inside a cluster."""


class CredentialsError(ConnectError):
    """The credentials cannot be read at the moment: a plugin, a token or a certificate fails."""


class UnreachableError(Exception):
    """The API server does not answer, or the connection broke."""


class ApiError(Exception):
    """The API server refused a request. `retry_after` is in seconds, 0 when not given."""

    def __init__(self, code: int, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.code, self.retry_after = code, retry_after


def reason(error: BaseException) -> str:
    """The innermost cause, on one line."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split()) or type(error).__name__
