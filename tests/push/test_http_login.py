"""What proves who asks, where it stays the same; tokens are in test_oauth2.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.push.destination import UnavailableError
from pipeline.push.http import Authorization, BasicAuth, Http
from pipeline.push.http_login import content, login


@pytest.mark.parametrize(
    ("http", "header"),
    [
        (Http(), {}),
        (Http(authorization=Authorization(scheme="Token", credentials="t")),
         {"Authorization": "Token t"}),
        (Http(basic_auth=BasicAuth(username="Aladdin", password="open sesame")),  # noqa: S106
         {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}),
    ],
)  # fmt: skip
def test_headers(http: Http, header: dict[str, str]) -> None:
    """The value for a name and a password is that of RFC 7617; there is no other to try."""
    found = login(http, Path(), 1)
    assert found.header() == header
    assert found.renew() is False
    assert found.header() == header
    found.close()


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(UnavailableError, match="none: No such file"):
        content(tmp_path, "none")
    with pytest.raises(UnavailableError, match="bytes: it is not a text"):
        content(tmp_path, "bytes")
    assert content(tmp_path, "") == ""
