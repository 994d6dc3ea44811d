"""The files of a page, with what a browser is told about them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from pipeline.api.answer import Answer, etag

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
_POLICY = "; ".join(
    [
        *("default-src 'none'", "script-src 'self'", "style-src 'self'"),
        *("img-src 'self' data:", "connect-src 'self'", "base-uri 'none'"),
        *("form-action 'self'", "frame-ancestors 'self'"),
        *("require-trusted-types-for 'script'", "trusted-types 'none'"),
    ]
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
_INDEX = "index.html"


def files(folder: Path) -> Mapping[str, Answer]:
    """The files below a folder that a browser knows, by their path; "" is the index.

    They are read once: no path of a request reaches the file system. Raises OSError.
    """
    found = {
        path.relative_to(folder).as_posix(): _file(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in _KINDS
    }
    return {"": found[_INDEX], **found} if _INDEX in found else found


def _file(path: Path) -> Answer:
    body = path.read_bytes()
    return Answer(HTTPStatus.OK, _KINDS[path.suffix], body, etag(body), _HEADERS)
