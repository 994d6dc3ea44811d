"""The URL of a server that is asked: where it is, and nothing about what."""

from __future__ import annotations

from urllib.parse import urlsplit

from pipeline.diagnostics import without_login
from pipeline.flows import hosts

_SCHEMES = frozenset({"http", "https"})


def require_url(text: str) -> None:
    """Raise ValueError where this is not the URL of a server: no host, or a port that none has."""
    try:
        is_place = urlsplit(text).scheme in _SCHEMES and bool(hosts.of_url(text))
    except ValueError:
        is_place = False
    is_bare = text.isprintable() and not any(sign in text for sign in " ?#")
    if not (is_place and is_bare):
        raise ValueError(f'"{without_login(text)}" is not a URL: http://HOST:PORT')
