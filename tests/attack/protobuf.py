"""Attacks on the decoder of the agent's Records: what is cut, changed, or claims what is not so."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from random import Random

from pipeline.decode.record import MESSAGES, Wire
from simulate import simulate
from tests.attack.accounts import job_of_all_fields, jobs, through
from tests.attack.tally import Size, Tally
from tests.support.recordings import messages
from tests.support.records import message_class

_VARINT, _FIXED64, _BYTES, _GROUP, _END, _FIXED32 = range(6)
_SIZES = (0, 1, 127, 128, 2**14, 100 << 20, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1)
_TIMES = (0, 1, -1, 2**31, -(2**31), 2**53, 10**18, -(10**18), 2**63 - 1, -(2**63))


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    reference = simulate("reference", size.folder / "reference.pb")
    whole, some = job_of_all_fields(size.folder, "protobuf"), jobs(reference)["protobuf"]
    every = [whole, some]
    real = list(messages(reference.recording))
    Random(1).shuffle(real)
    real = [full(), *real]
    kinds = {
        "every truncation of real Records": cut(real[: size.of(20, 400)]),
        "every flipped bit of real Records": flipped(real[: size.of(4, 250)]),
        "every wire type in every field": wire_types(),
        "claims of length up to 2^64": claims(),
        "groups and nesting": nested(),
        "addresses of 0 to 40 bytes, and twice": addresses(),
        "extreme times": times(),
        "invalid UTF-8 in every text": texts(),
        "repeated fields": repeated(real[:50]),
        "two Records spliced": spliced(real, size.of(2_000, 200_000)),
        "noise": noise(size.of(2_000, 100_000)),
    }
    for name, payloads in kinds.items():
        yield through(Tally(name), every, payloads)


def full() -> bytes:
    """A Record in which every field is set."""
    record = message_class()()
    _fill(record, "Record")
    data: bytes = record.SerializeToString()
    return data


def _fill(message: object, name: str) -> None:
    for wire in MESSAGES[name]:
        field = getattr(message, wire.name)
        if wire.type in MESSAGES:
            _fill(field.add() if wire.repeated else field, wire.type)
        elif wire.name != "ipv6":
            value = {"string": "text", "bool": True, "bytes": b"1234"}.get(wire.type, 7)
            setattr(message, wire.name, value)


def cut(records: list[bytes]) -> Iterator[bytes]:
    return (record[:end] for record in records for end in range(len(record)))


def flipped(records: list[bytes]) -> Iterator[bytes]:
    for record, bit in ((r, b) for r in records for b in range(len(r) * 8)):
        other = bytearray(record)
        other[bit >> 3] ^= 1 << (bit & 7)
        yield bytes(other)


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, kind: int, content: bytes) -> bytes:
    """A field as it is on the wire; the length of bytes is put before them."""
    tag = varint(number << 3 | kind)
    return tag + varint(len(content)) + content if kind == _BYTES else tag + content


_END_IP = field(1, _FIXED32, b"\1\0\0\0")
BASE = field(6, _BYTES, field(1, _BYTES, _END_IP) + field(2, _BYTES, _END_IP)) + field(
    7, _BYTES, field(3, _VARINT, b"\6")
)
"""The least that is a Record: two addresses and a protocol."""

_CONTENT = {
    _VARINT: [b"\0", b"\x7f", varint(2**64 - 1), b"\x80" * 9 + b"\x01", b"\x80" * 12, b"\xff" * 11],
    _FIXED64: [b"\0" * 8, b"\xff" * 8, b"\0" * 3],
    _BYTES: [b"", b"\xff" * 3, b"a" * 300],
    _GROUP: [b"", b"\x0a\x01a"],
    _END: [b""],
    _FIXED32: [b"\0" * 4, b"\xff" * 4, b"\0"],
    6: [b"", b"\0"],
    7: [b"", b"\0"],
}


def _places(name: str = "Record") -> Iterator[tuple[tuple[int, ...], Wire]]:
    """Every field of every message, by the numbers that lead to it."""
    for wire in MESSAGES[name]:
        yield (wire.number,), wire
        if wire.type in MESSAGES:
            for path, inner in _places(wire.type):
                yield (wire.number, *path), inner


def _at(path: tuple[int, ...], data: bytes) -> bytes:
    for number in reversed(path):
        data = field(number, _BYTES, data)
    return data


def wire_types() -> Iterator[bytes]:
    for (path, wire), (kind, contents) in product(list(_places()), _CONTENT.items()):
        for content, base in product(contents, (b"", BASE)):
            yield base + _at(path[:-1], field(wire.number, kind, content))


def claims() -> Iterator[bytes]:
    for (path, wire), size in product(list(_places()), _SIZES):
        claim = varint(wire.number << 3 | _BYTES) + varint(size)
        yield BASE + _at(path[:-1], claim + b"x" * min(size, 20))
        yield BASE + b"".join(varint(n << 3 | _BYTES) + varint(size) for n in path)


def nested() -> Iterator[bytes]:
    for number, depth in product((*range(1, 40), 2**29 - 1), (1, 10, 99, 101, 1_000, 50_000)):
        start, end = varint(number << 3 | _GROUP), varint(number << 3 | _END)
        yield BASE + start * depth + end * depth
        yield BASE + start * depth
        yield end * depth + BASE
        data = b""
        for _ in range(min(depth, 1_000)):
            data = field(number, _BYTES, data)
        yield BASE + data
    yield from (varint(0) + BASE, varint(1 << 40) + BASE, b"\xff" * 20)


def addresses() -> Iterator[bytes]:
    ends = [(6, 1), (6, 2), (12,), (28, 1), (28, 2)]
    for path, size, twice in product(ends, range(41), (False, True)):
        yield BASE + _at(path, field(2, _BYTES, b"\x20" * size) + (_END_IP if twice else b""))


def times() -> Iterator[bytes]:
    for number, seconds, nanos in product((3, 4, 23, 24), _TIMES, (0, 1, -1, 2**31 - 1, -(2**31))):
        stamp = field(1, _VARINT, varint(seconds)) + field(2, _VARINT, varint(nanos))
        yield BASE + field(number, _BYTES, stamp)


def texts() -> Iterator[bytes]:
    places = [(path, wire) for path, wire in _places() if wire.type in {"string", "bytes"}]
    parts = (
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf4\x90\x80\x80",
        b"\0",
        b"a\xe2\x82",
        b"\x1b[2J",
    )
    for (path, wire), part in product(places, parts):
        yield BASE + _at(path[:-1], field(wire.number, _BYTES, part))
        yield BASE + _at(path[:-1], field(wire.number, _BYTES, part * 100_000))


def repeated(records: list[bytes]) -> Iterator[bytes]:
    for record in records:
        yield from (record * 2, record * 200, BASE + record + BASE)
    for path, wire in _places():
        one = _at(path[:-1], field(wire.number, _VARINT, b"\1"))
        yield from (BASE + one * 10_000, BASE + one + field(wire.number, _BYTES, b"\1\2\3"))


def spliced(records: list[bytes], count: int) -> Iterator[bytes]:
    draw = Random(2)
    for _ in range(count):
        one, other = draw.choice(records), draw.choice(records)
        yield one[: draw.randrange(len(one) + 1)] + other[draw.randrange(len(other) + 1) :]


def noise(count: int) -> Iterator[bytes]:
    draw = Random(3)
    yield from islice((draw.randbytes(draw.randrange(200)) for _ in iter(int, 1)), count)
