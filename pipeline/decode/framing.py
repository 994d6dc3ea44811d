"""Byte streams to payloads: lines, the elements of a JSON array, size-delimited messages.

A splitter takes what has arrived, and whether that is all, and gives the payloads that are complete
and where each ends. What cannot be split becomes one `Broken` payload, which a guarded decoder
rejects with its reason: it is counted and kept like any other bad message.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Iterable, Iterator
from itertools import accumulate, chain
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa

from pipeline.decode import Format
from pipeline.stage import Decode, Decoded

MAX_BYTES = 16 << 20
"""No payload may be longer."""

_BLOCK = 1 << 20
_ARRAY = re.compile(rb"\s*\[\s*(?=\{|\]?\s*\Z)")
_VARINT_BYTES = 10
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|["\[\]{},]', re.DOTALL)

Compression = Literal["auto", "none", "gzip", "zstd"]
"""How a file is compressed; auto looks at its first bytes."""

_MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}

Parts = tuple[list[bytes], list[int]]
"""Payloads and the offset at which each ends, separators included."""


class Split(Protocol):
    """A way to cut bytes; `whole` says that no more will come."""

    def __call__(self, data: bytes, *, whole: bool) -> Parts:
        """The payloads that are complete and where they end."""


class Broken(bytes):
    """Bytes that are no payload, and why; `last` when nothing behind them can be read."""

    reason: str
    last: bool

    @classmethod
    def because(cls, data: bytes, reason: str, *, last: bool) -> Broken:
        """The bytes with the reason they are rejected for."""
        broken = cls(data)
        broken.reason, broken.last = reason, last
        return broken


def guarded(decode: Decode) -> Decode:
    """The decoder, rejecting broken payloads with their reason."""

    def decode_sound(payloads: list[bytes]) -> Decoded:
        if Broken not in set(map(type, payloads)):
            return decode(payloads)
        sound = [index for index, payload in enumerate(payloads) if type(payload) is not Broken]
        decoded = decode([payloads[index] for index in sound])
        rejected = [(sound[index], reason) for index, reason in decoded.rejected]
        rejected += [(i, p.reason) for i, p in enumerate(payloads) if isinstance(p, Broken)]
        return decoded._replace(rejected=sorted(rejected))

    return decode_sound


def lines(data: bytes, *, whole: bool) -> Parts:
    """Payloads that end at a newline; at the end of input the last one needs none."""
    payloads = data.split(b"\n")
    tail = payloads.pop()
    ends = list(accumulate(len(payload) + 1 for payload in payloads))
    if len(tail) > MAX_BYTES:
        reason = f"a part of a line of more than {MAX_BYTES} bytes"
        return [*payloads, Broken.because(tail, reason, last=False)], [*ends, len(data)]
    if whole and tail:
        return [*payloads, tail], [*ends, len(data)]
    return payloads, ends


def messages(data: bytes, *, whole: bool) -> Parts:
    """Payloads behind their size as a varint."""
    payloads: list[bytes] = []
    ends: list[int] = []
    at, total = 0, len(data)
    reason = ""
    while at < total:
        size, start = data[at], at + 1
        if size > 127:
            size, start = _varint(data, at)
        end = start + size
        if end > total or size > MAX_BYTES:
            if size > MAX_BYTES:
                reason = "no size of a message; what follows is not read"
            elif whole:
                reason = f"the input ends inside a message, {total - at} bytes into it"
            break
        payloads.append(data[start:end])
        ends.append(end)
        at = end
    if reason:
        payloads.append(Broken.because(data[at:], reason, last=True))
        ends.append(total)
    return payloads, ends


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number and the offset behind it; of an unfinished one, an end behind the data."""
    value = 0
    for place, byte in enumerate(data[at : at + _VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    return (sys.maxsize if len(data) - at >= _VARINT_BYTES else 0), len(data) + 1


def elements(data: bytes, *, whole: bool) -> Parts:
    """Payloads from inside a JSON array, its opening bracket taken off."""
    payloads: list[bytes] = []
    ends: list[int] = []
    start = depth = 0
    reason = "the input ends inside the array" if whole else ""
    for token in _TOKEN.finditer(data):
        mark = token[0]
        if mark == b'"':  # a text that has not ended yet
            break
        if mark in {b"[", b"{"}:
            depth += 1
        elif depth and mark in {b"]", b"}"}:
            depth -= 1
        elif depth == 0 and mark in {b",", b"]"}:
            payload = data[start : token.start()].strip()
            if payload or mark == b",":
                start = token.end() if mark == b"," else token.start()
                payloads.append(payload)
                ends.append(start)
            if mark == b"]":
                start = token.start()
                behind = data[token.end() :].strip()
                reason = "text behind the end of the array" if behind else ""
                break
    if len(data) - start > MAX_BYTES:
        reason = reason or f"an element of more than {MAX_BYTES} bytes; what follows is not read"
    if reason:
        payloads.append(Broken.because(data[start:], reason, last=True))
        ends.append(len(data))
    return payloads, ends


def chunks(blocks: Iterable[bytes], form: Format, size: int) -> Iterator[list[bytes]]:
    """Runs of up to `size` payloads.

    JSON is lines, or one array if it starts as an array of objects. An empty block asks for the
    payloads that are complete so far.
    """
    stream = iter(blocks)
    first = next(stream, b"")
    opening = _ARRAY.match(first) if form == "json" else None
    split: Split = messages if form == "protobuf" else elements if opening else lines
    start = opening.end() if opening else 0
    yield from _chunks(chain([first[start:]], stream), split, size)


def _chunks(blocks: Iterable[bytes], split: Split, size: int) -> Iterator[list[bytes]]:
    held: list[bytes] = []
    rest = b""
    for block in chain(blocks, [None]):
        data = rest + (block or b"")
        payloads, offsets = split(data, whole=block is None)
        held += payloads
        rest = data[offsets[-1] :] if offsets else data
        while len(held) >= size or (held and not block):
            yield held[:size]
            del held[:size]
        if payloads and isinstance(payloads[-1], Broken) and payloads[-1].last:
            break
    if held:
        yield held


def read(path: Path, compression: Compression = "auto") -> Generator[bytes]:
    """The decompressed bytes of a file, in blocks. OSError names the file."""
    with path.open("rb") as file:
        if compression == "auto":
            head = file.peek(4)
            compression = next((c for magic, c in _MAGIC.items() if head.startswith(magic)), "none")
        stream = file if compression == "none" else pa.CompressedInputStream(file, compression)
        try:
            while block := stream.read(_BLOCK):
                yield block
        except OSError as error:
            raise OSError(f"{path}: {compression}: {error}") from error
