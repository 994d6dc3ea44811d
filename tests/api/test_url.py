"""What is the URL of a server, and what is none."""

from __future__ import annotations

import pytest

from pipeline.api.url import require_url


@pytest.mark.parametrize(
    "text", ["http://h", "https://h:1/", "HTTP://h:65535/behind/a/proxy", "http://[::1]:9102"]
)
def test_a_place(text: str) -> None:
    require_url(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "h:1", "ftp://h", "http://", "http:///x", "http://[::1", "http://h?a=b"),
        *("http://h:0", "http://h:65536", "http://h:x", "http://a b", "http://h\n", "http://h/#x"),
        *("http://..", "http://a,b", "http://10.0.0.300:9102"),
    ],
)
def test_what_is_none(text: str) -> None:
    """A port above 65535 would be another one: it counts from 0 again in a socket."""
    with pytest.raises(ValueError, match="is not a URL: http://HOST:PORT"):
        require_url(text)


def test_a_login_is_not_shown() -> None:
    with pytest.raises(ValueError, match=r'^"ftp://\*\*\*@h" is not a URL'):
        require_url("ftp://me:secret@h")
