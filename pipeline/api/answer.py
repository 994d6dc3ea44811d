"""What an answer over HTTP consists of."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from pipeline.api.failure import Failure

JSON = "application/json"
_WORTH = 16_384
"""Bytes from which an answer is sent compressed to those who take it."""


class Answer(NamedTuple):
    """Status, content type, body, its validator ("": none), and further headers."""

    status: HTTPStatus
    kind: str
    body: bytes
    tag: str = ""
    headers: Mapping[str, str] = {}

    @property
    def large(self) -> bool:
        """Whether it is worth the time to compress it."""
        return len(self.body) >= _WORTH

    def compressed(self) -> Answer:
        """The same answer in gzip."""
        return self._replace(
            body=gzip.compress(self.body, compresslevel=1, mtime=0),
            tag=f'{self.tag[:-1]}-gzip"' if self.tag else "",
            headers={**self.headers, "Content-Encoding": "gzip"},
        )

    def unchanged(self, condition: str) -> bool:
        """Whether an If-None-Match has its validator, in whatever coding it was sent.

        Source: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2.
        """
        listed = [one.strip().removeprefix("W/") for one in condition.split(",")]
        known = [one.replace('-gzip"', '"') for one in listed]
        return bool(self.tag) and (self.tag.replace('-gzip"', '"') in known or listed == ["*"])


def etag(body: bytes) -> str:
    """A validator of an answer: equal bytes have equal ones."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def document(value: object) -> Answer:
    """A JSON document."""
    body = msgspec.json.encode(value)
    return Answer(HTTPStatus.OK, JSON, body, etag(body))


def failure(status: HTTPStatus, why: str, **headers: str) -> Answer:
    """Why there is no answer; headers are named with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, JSON, msgspec.json.encode(Failure(why)), headers=named)
