"""What may go wrong on the way to an API server."""

from __future__ import annotations


class ConnectError(Exception):
    """There is no way to an API server: no kubeconfig, no such context, not inside a cluster."""


class CredentialsError(ConnectError):
    """There are no credentials at the moment: a plugin, a token or a certificate cannot be had."""


class UnreachableError(Exception):
    """The API server does not answer, or the connection broke."""


class ApiError(Exception):
    """The API server refused. `retry_after` in seconds, 0 when it does not say."""

    def __init__(self, code: int, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.code, self.retry_after = code, retry_after


def reason(error: BaseException) -> str:
    """The innermost cause, on one line."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split()) or type(error).__name__
