"""What an answer over HTTP consists of."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import chain
from typing import NamedTuple

import msgspec

from pipeline.api.failure import Failure

JSON = "application/json"
_WORTH = 16_384
"""Bytes from which an answer is sent compressed to those who take it."""
_LEVEL = 1
_GZIP = {"Content-Encoding": "gzip"}


class Answer(NamedTuple):
    """Status, content type, body, its validator ("": none), and further headers.

    `packed`: the body in gzip, where that is kept instead of it.
    """

    status: HTTPStatus
    kind: str
    body: bytes
    tag: str = ""
    headers: Mapping[str, str] = {}
    packed: bytes = b""

    @property
    def large(self) -> bool:
        """Whether it is worth the time to compress it."""
        return bool(self.packed) or len(self.body) >= _WORTH

    def kept(self) -> Answer:
        """The same answer for whoever gives it out again: compressed once, if it is large."""
        return self._replace(body=b"", packed=_packed(self.body)) if self.large else self

    def plain(self) -> Answer:
        """The same answer with its body, also where that is kept in gzip."""
        body = gzip.decompress(self.packed) if self.packed else self.body
        return self._replace(body=body, packed=b"")

    def compressed(self) -> Answer:
        """The same answer in gzip."""
        return self._replace(
            body=self.packed or _packed(self.body),
            tag=f'{self.tag[:-1]}-gzip"' if self.tag else "",
            headers={**self.headers, **_GZIP},
            packed=b"",
        )

    def unchanged(self, condition: str) -> bool:
        """Whether an If-None-Match has its validator, in whatever coding it was sent.

        Source: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2.
        """
        listed = [one.strip().removeprefix("W/") for one in condition.split(",")]
        known = [one.replace('-gzip"', '"') for one in listed]
        return bool(self.tag) and (self.tag.replace('-gzip"', '"') in known or listed == ["*"])


def _packed(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=_LEVEL, mtime=0)


def etag(body: bytes) -> str:
    """A validator of an answer: equal bytes have equal ones."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def document(value: object) -> Answer:
    """A JSON document."""
    body = msgspec.json.encode(value)
    return Answer(HTTPStatus.OK, JSON, body, etag(body))


def text(kind: str, parts: Iterable[str], *, packed: bool) -> Answer:
    """A text of parts, which is never there as a whole where it is `packed` and large."""
    rest = (part.encode() for part in parts if part)
    begun = b""
    while packed and len(begun) < _WORTH and (part := next(rest, b"")):
        begun += part
    if len(begun) < _WORTH:
        return Answer(HTTPStatus.OK, kind, b"".join([begun, *rest]))
    coder = zlib.compressobj(_LEVEL, wbits=zlib.MAX_WBITS + 16)  # 16: with the head of gzip
    coded = [coder.compress(part) for part in chain([begun], rest)]
    return Answer(HTTPStatus.OK, kind, b"".join([*coded, coder.flush()]), headers=_GZIP)


def failure(status: HTTPStatus, why: str, **headers: str) -> Answer:
    """Why there is no answer; headers are named with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, JSON, msgspec.json.encode(Failure(why)), headers=named)
