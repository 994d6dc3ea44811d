"""Attacks on compressed input: cut, changed, followed by something, or a thousand times larger."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import resource
from collections.abc import Callable, Iterable, Iterator
from random import Random

import cramjam
import lz4.frame
from backports import zstd

from pipeline.app.job import Job
from pipeline.decode.framing import chunks
from pipeline.decode.splitting import Damaged
from tests.attack.accounts import add_up, job_of_all_fields
from tests.attack.tally import Size, Tally

_FORMATS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "snappy": lambda data: bytes(cramjam.snappy.compress(data)),
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
_BEHIND = (b"\0", b"\0" * 70_000, b"garbage", b"\x1f\x8b", b"{}", b"\xff" * 9)
_BLOCK = 1 << 16
_BATCH = 5_000
_LONGEST_MAGIC = b"\xff\x06\0\0sNaPpY"
_MESSAGE = b'{"Proto":6,"Bytes":1,"SrcAddr":"10.0.0.1"}\n'
_BOMB_MB = 600
"""What a bomb may add to the memory of the process at most."""


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    job = job_of_all_fields(size.folder, "json")
    reader = _Reader(job)
    lines = [b'{"Proto":6,"Bytes":%d,"SrcAddr":"10.0.%d.1"}' % (n * 7919, n) for n in range(60)]
    data = b"\n".join(lines) + b"\n"
    packed = {name: make(data) for name, make in _FORMATS.items()}
    many = {
        name: make(data[:900]) + make(b"") + make(data[900:]) for name, make in _FORMATS.items()
    }
    step = size.of(17, 1)
    yield _cut(
        "cut at every byte",
        reader,
        {**packed, **{f"{k} twice": v for k, v in many.items()}},
        lines,
        step,
    )
    yield _changed("every bit flipped", reader, packed, size.of(101, 1))
    yield _followed("followed by something else", reader, packed, lines)
    yield _spliced("members of two formats", reader, packed, size.of(50, 5_000))
    reader.count()
    yield _bombs("bombs", job, size.of(1, 1_024))


class _Reader:
    """Reads inputs; a pipeline counts their messages, many inputs at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._held: list[bytes] = []

    def read(self, blocks: Iterable[bytes]) -> list[bytes]:
        """The messages of an input."""
        found = [payload for payloads in chunks(blocks, "json", 4_096) for payload in payloads]
        self._held += found
        if len(self._held) > _BATCH:
            self.count()
        return found

    def count(self) -> None:
        """Count what was read and is not counted yet."""
        add_up(self._job, self._held)
        self._held = []


def _outcome(found: list[bytes]) -> str:
    whole = not any(isinstance(payload, Damaged) for payload in found)
    return "read whole" if whole else "read up to the damage"


def _cut(
    name: str, reader: _Reader, inputs: dict[str, bytes], lines: list[bytes], step: int
) -> Tally:
    """What was whole before the cut is counted, and nothing that is not in the input."""
    tally = Tally(name)
    for form, data in inputs.items():
        for end in range(1, len(data), step):
            with tally.step(f"{form} cut at {end}"):
                found = reader.read([data[:end]])
                sound = [payload for payload in found if not isinstance(payload, Damaged)]
                if sound != lines[: len(sound)] and end > len(_LONGEST_MAGIC):
                    tally.fault(f"{form} cut at {end}: {sound[-1]!r}")
                tally.add(_outcome(found))
    return tally


def _changed(name: str, reader: _Reader, inputs: dict[str, bytes], step: int) -> Tally:
    tally = Tally(name)
    for form, data in inputs.items():
        for bit in range(0, len(data) * 8, step):
            other = bytearray(data)
            other[bit >> 3] ^= 1 << (bit & 7)
            with tally.step(f"{form}, bit {bit}"):
                try:
                    tally.add(_outcome(reader.read([bytes(other)])))
                except ValueError as error:  # of another format, which is said
                    tally.add("refused by name")
                    if "is not read" not in str(error):
                        raise
    return tally


def _followed(name: str, reader: _Reader, inputs: dict[str, bytes], lines: list[bytes]) -> Tally:
    tally = Tally(name)
    for form, data in inputs.items():
        for behind in (*_BEHIND, _FORMATS[form](b""), _FORMATS[form](b"") * 1_000):
            with tally.step(f"{form}, then {behind[:9]!r}"):
                found = reader.read([data + behind])
                if found[: len(lines)] != lines:
                    tally.fault(f"{form}, then {behind[:9]!r}: {len(found)} of {len(lines)}")
                tally.add(_outcome(found))
    return tally


def _spliced(name: str, reader: _Reader, inputs: dict[str, bytes], count: int) -> Tally:
    tally, draw = Tally(name), Random(5)
    for number in range(count):
        parts = [draw.choice(list(inputs.values())) for _ in range(4)]
        data = b"".join(
            part[: draw.randrange(len(part) + 1)] if draw.random() < 0.3 else part for part in parts
        )
        with tally.step(f"splice {number}"):
            try:
                tally.add(_outcome(reader.read([data])))
            except ValueError as error:
                tally.add("refused by name")
                if "is not read" not in str(error):
                    raise
    return tally


def _bombs(name: str, job: Job, megabytes: int) -> Tally:
    """Input that is a thousand times as large inside: one message, many, and one in another."""
    tally = Tally(name)
    for form in ("gzip", "zstd", "lz4", "bz2", "xz"):
        for kind, inside in {
            "zeros": b"\0" * _BLOCK,
            "one message": b"x" * _BLOCK,
            "messages": _MESSAGE * 1_500,
        }.items():
            bomb = _bomb(
                form, inside, megabytes if form in {"gzip", "zstd"} else min(megabytes, 256)
            )
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with tally.step(f"{form}, {kind}"):
                blocks = (bomb[at : at + _BLOCK] for at in range(0, len(bomb), _BLOCK))
                messages = sum(
                    sum(add_up(job, payloads).values())
                    for payloads in chunks(blocks, "json", 4_096)
                )
                tally.add(f"{kind} read" if messages else f"{kind}: nothing in it")
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
            if grown > _BOMB_MB:
                tally.fault(f"{form}, {kind}: {len(bomb)} bytes took {grown} MB")
    return tally


def _bomb(form: str, inside: bytes, megabytes: int) -> bytes:
    """So many megabytes of the same, compressed piece by piece."""
    held = io.BytesIO()
    openers = {
        "gzip": gzip.open,
        "zstd": zstd.open,
        "lz4": lz4.frame.open,
        "bz2": bz2.open,
        "xz": lzma.open,
    }
    with openers[form](held, "wb") as file:
        for _ in range(megabytes * (1 << 20) // len(inside)):
            file.write(inside)
    return held.getvalue()
