"""Loki as a destination."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.push.destination import UnavailableError
from pipeline.push.http import BasicAuth, Http
from pipeline.push.loki import Loki


def test_a_password_that_cannot_be_read() -> None:
    """It is named, and read again with the next attempt."""
    http = Http(basic_auth=BasicAuth(username="u", password_file="none"))  # noqa: S106 - a file
    with pytest.raises(UnavailableError, match=r"cannot read .*none: No such file"):
        Loki(address="http://loki", http=http, folder="/f").connect()


def test_who_does_not_push_pays_nothing() -> None:
    """The clients of servers are imported by those who use them."""
    code = (
        "import sys; from pipeline.stage import registry; registry(); "
        "print([m for m in ('grpc', 'minio', 'opentelemetry') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
