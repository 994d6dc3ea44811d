"""Addresses that servers listen on, and the files of their TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.stage import listen

NONE = {"tls_cert": "", "tls_key": "", "client_ca": ""}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:2055", ("127.0.0.1", 2055)),
        ("[::]:0", ("::", 0)),
        ("collector.svc:65535", ("collector.svc", 65535)),
    ],
)
def test_an_address(text: str, found: tuple[str, int]) -> None:
    assert listen.address(text) == found


@pytest.mark.parametrize(
    "text", ["2055", "127.0.0.1", "h:65536", "::1:2055", "h:", "h:x", ":2055", "..:2055", "[zz]:1"]
)
def test_what_is_not_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"host:port|does not say where"):
        listen.address(text)
    [problem] = listen.check(text, NONE, Path(), 2055)
    assert problem.path == ("listen",)
    assert problem.hint == "for example 127.0.0.1:2055 or [::1]:2055"


def test_certificates_that_do_not_belong_together(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    key = listen.check("h:1", NONE | {"tls_key": "there"}, tmp_path)
    together = (("tls_key",), "tls_cert and tls_key go together")
    assert [(p.path, p.message) for p in key] == [together]
    authority = listen.check("h:1", NONE | {"client_ca": "there"}, tmp_path)
    assert [p.path for p in authority] == [("client_ca",)]
    files = {"tls_cert": "there", "tls_key": "away", "client_ca": ""}
    assert [p.message for p in listen.check("h:1", files, tmp_path)] == ['no file "away"']
