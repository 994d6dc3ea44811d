"""The URL of a server that is asked: where it is, and nothing about what."""

from __future__ import annotations

from urllib.parse import urlsplit

from pipeline.diagnostics import without_login

_SCHEMES = frozenset({"http", "https"})


def require_url(text: str) -> None:
    """Raise ValueError where this is not the URL of a server: no host, or a port that none has."""
    try:
        found = urlsplit(text)
        has_port = found.port is None or found.port > 0  # above 65535 it raises itself
        is_place = found.scheme in _SCHEMES and bool(found.hostname) and has_port
    except ValueError:
        is_place = False
    is_bare = text.isprintable() and not any(sign in text for sign in " ?#")
    if not (is_place and is_bare):
        raise ValueError(f'"{without_login(text)}" is not a URL: http://HOST:PORT')
