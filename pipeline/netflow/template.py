"""Templates: which fields the records of a set have (RFC 7011, section 3.4; RFC 3954, section 5.2).

A record of NetFlow v5 is fixed; it has a template here too, so that one decoder reads all.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

VARIABLE = 0xFFFF
"""The length of a field that says its length in each record."""
MOST_FIELDS = 512
_ENTERPRISE = 0x8000
_FIELD = struct.Struct(">HHI")
_HEAD = struct.Struct(">HBB")


class Field(NamedTuple):
    """An information element, the enterprise that defines it (0: IANA), and its bytes."""

    element: int
    length: int
    enterprise: int = 0


@dataclass(frozen=True)
class Template:
    """The fields of a record in order. `scopes` of them are the scope: it describes options."""

    version: int
    fields: tuple[Field, ...]
    scopes: int = 0

    @cached_property
    def size(self) -> int:
        """Bytes of a record; with fields of variable length, the fewest."""
        return sum(1 if field.length == VARIABLE else field.length for field in self.fields)

    @cached_property
    def fixed(self) -> bool:
        """Whether all records have the same size."""
        return all(field.length != VARIABLE for field in self.fields)

    @cached_property
    def key(self) -> bytes:
        """The template as bytes, which begin with their length."""
        fields = b"".join(_FIELD.pack(f.element, f.length, f.enterprise) for f in self.fields)
        return _HEAD.pack(_HEAD.size + len(fields), self.version, 0) + fields


@lru_cache(1024)
def of_key(key: bytes) -> Template:
    """The template that `Template.key` made bytes of. Raises ValueError for other bytes."""
    if len(key) <= _HEAD.size or (len(key) - _HEAD.size) % _FIELD.size:
        raise ValueError("this is not a template")
    length, version, _ = _HEAD.unpack_from(key)
    if length != len(key):
        raise ValueError("this is not a template")
    fields = tuple(Field(*found) for found in _FIELD.iter_unpack(key[_HEAD.size :]))
    return Template(version, fields)


def key_of(payload: bytes) -> bytes:
    """The key at the beginning of a payload."""
    return payload[: payload[0] << 8 | payload[1]] if len(payload) > 1 else b""


class MalformedError(ValueError):
    """Bytes that are not what they should be; the message says what is wrong."""


Found = tuple[int, Template | None]
"""The number of a template and what it is; None: it is withdrawn."""


def templates(version: int, body: bytes) -> tuple[list[Found], str]:
    """The templates of a template set, and what is wrong with the rest of it ("": nothing)."""
    return _records(version, body, options=False)


def options_templates(version: int, body: bytes) -> tuple[list[Found], str]:
    """The templates of a set of options templates, likewise."""
    return _records(version, body, options=True)


def _records(version: int, body: bytes, *, options: bool) -> tuple[list[Found], str]:
    found: list[Found] = []
    at = 0
    try:
        while len(body) - at >= 4 and any(body[at:]):  # otherwise it is padding
            one, at = _record(version, body, at, options=options)
            found.append(one)
    except MalformedError as error:
        return found, str(error)
    return found, ""


def _record(version: int, body: bytes, at: int, *, options: bool) -> tuple[Found, int]:
    """A template, and the offset behind it."""
    number, count, scopes, at = _head(version, body, at, options=options)
    if count == 0 and version == 10:
        return (number, None), at
    if number < 256:
        raise MalformedError(f"a template has the number {number}, which is below 256")
    if count > MOST_FIELDS:
        raise MalformedError(f"a template of {count} fields; {MOST_FIELDS} are the limit")
    if scopes > count:
        raise MalformedError(f"a template of {count} fields has {scopes} for its scope")
    fields, at = _fields(version, body, at, count)
    kept = tuple(field for field in fields if field.length)  # no more than a record has bytes
    if not kept:
        raise MalformedError("a template has no field with a length")
    scopes = sum(1 for field in fields[:scopes] if field.length)
    return (number, Template(version, kept, scopes)), at


def _head(version: int, body: bytes, at: int, *, options: bool) -> tuple[int, int, int, int]:
    """Number, count of fields, count of scopes, and the offset behind them."""
    number, count = struct.unpack_from(">HH", body, at)
    if not options or (version == 10 and count == 0):
        return number, count, 0, at + 4
    if len(body) - at < 6:
        raise MalformedError("a set ends inside a template")
    third = int.from_bytes(body[at + 4 : at + 6], "big")
    if version == 10:
        return number, count, third, at + 6
    return number, (count + third) // 4, count // 4, at + 6  # RFC 3954 gives bytes


def _fields(version: int, body: bytes, at: int, count: int) -> tuple[tuple[Field, ...], int]:
    fields = []
    for _ in range(count):
        if len(body) - at < 4:
            raise MalformedError("a set ends inside a template")
        element, length = struct.unpack_from(">HH", body, at)
        at += 4
        enterprise = 0
        if version == 10 and element & _ENTERPRISE:
            if len(body) - at < 4:
                raise MalformedError("a set ends inside a template")
            enterprise = int.from_bytes(body[at : at + 4], "big")
            at += 4
        fields.append(Field(element & 0x7FFF if version == 10 else element, length, enterprise))
    if version == 9:
        fields = [field._replace(length=min(field.length, VARIABLE - 1)) for field in fields]
    return tuple(fields), at


def lengths(template: Template, body: bytes, at: int) -> int | None:
    """The size of the record that begins at an offset; None when the set ends inside it."""
    start = at
    for field in template.fields:
        if field.length == VARIABLE:
            if at >= len(body):
                return None
            length, at = body[at], at + 1
            if length == 255:
                if len(body) - at < 2:
                    return None
                length, at = int.from_bytes(body[at : at + 2], "big"), at + 2
        else:
            length = field.length
        at += length
        if at > len(body):
            return None
    return at - start


def _v5(*fields: tuple[int, int]) -> Template:
    return Template(5, tuple(Field(*field) for field in fields))


PADDING = 210
V5 = _v5(
    *((8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2)),
    *((11, 2), (PADDING, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1)),
    (PADDING, 2),
)
"""A record of NetFlow v5, of 48 bytes."""
