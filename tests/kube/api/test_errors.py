"""What is said of an error."""

from __future__ import annotations

from pipeline.kube.api.errors import ApiError, ConnectError, CredentialsError, reason


def test_the_reason_is_the_innermost_cause_on_one_line() -> None:
    """Of nested errors the first one is told, without line ends."""
    inner = OSError("connection\n  refused")
    outer = ValueError("request failed")
    outer.__cause__ = RuntimeError("retries")
    outer.__cause__.__context__ = inner
    assert reason(outer) == "connection refused"
    assert reason(KeyError()) == "KeyError"


def test_no_credentials_are_no_way_to_a_server_at_the_moment() -> None:
    """Who treats a missing kubeconfig treats missing credentials as well."""
    assert issubclass(CredentialsError, ConnectError)
    assert ApiError(429, "slow down", 3.0).retry_after == 3.0
