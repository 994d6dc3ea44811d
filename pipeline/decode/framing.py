"""Byte streams to payloads: JSON objects, or messages behind their size.

A splitter takes the bytes that have arrived and gives the payloads that are complete. Bytes that
cannot be split become one `Damaged` payload, which a guarded decoder rejects with its reason: it is
counted and kept like any other message that is rejected.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import repeat

from pipeline.decode import Format
from pipeline.decode.compression import Compression, DamagedError, FormatError, decompress
from pipeline.decode.json_stream import JsonSplitter
from pipeline.decode.splitting import MAX_BYTES, Damaged, Split, Splitter
from pipeline.stage import Decode, Decoded

_VARINT_BYTES = 10
_TAR, _TAR_AT = b"ustar", 257
_CONTENT = re.compile(rb"[^\0]").search
"""What ends a run of messages of size 0: a hole of zeros is as many as it has bytes."""


def guarded(decode: Decode) -> Decode:
    """The decoder, rejecting damaged payloads with their reason."""

    def decode_sound(payloads: list[bytes]) -> Decoded:
        if Damaged not in set(map(type, payloads)):
            return decode(payloads)
        sound = [index for index, payload in enumerate(payloads) if type(payload) is not Damaged]
        decoded = decode([payloads[index] for index in sound])
        rejected = [(sound[index], reason) for index, reason in decoded.rejected]
        rejected += [(i, p.reason) for i, p in enumerate(payloads) if isinstance(p, Damaged)]
        return decoded._replace(rejected=sorted(rejected))

    return decode_sound


def messages(data: bytes, *, whole: bool) -> Split:
    """Payloads behind their size as a varint."""
    payloads: list[bytes] = []
    at, total = 0, len(data)
    reason = ""
    while at < total:
        size, start = data[at], at + 1
        if not size:
            found = _CONTENT(data, at)
            behind = found.start() if found else total
            payloads += repeat(b"", behind - at)
            at = behind
            continue
        if size > 127:
            size, start = _varint(data, at)
        end = start + size
        if end > total or size > MAX_BYTES:
            if size > MAX_BYTES:
                reason = "this is not the size of a message; what follows is not read"
            elif whole:
                reason = f"the input ends inside a message, {total - at} bytes into it"
            break
        payloads.append(data[start:end])
        at = end
    if reason:
        payloads.append(Damaged.because(data[at:], reason, last=True))
        at = total
    return payloads, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number and the offset behind it; of an unfinished one, an end behind the data."""
    value = 0
    for place, byte in enumerate(data[at : at + _VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    return (sys.maxsize if len(data) - at >= _VARINT_BYTES else 0), len(data) + 1


def chunks(
    blocks: Iterable[bytes], form: Format, size: int, compression: Compression = "auto"
) -> Iterator[list[bytes]]:
    """Runs of up to `size` payloads of an input that may be compressed.

    An empty block asks for the payloads that are complete so far. Of damaged compressed data, what
    was whole is given, and then one `Damaged` payload. Raises FormatError when the input is of a
    format that is not read, and what `blocks` raises.
    """
    split: Splitter = messages if form == "protobuf" else JsonSplitter()
    held: list[bytes] = []
    for payloads, asked in _payloads(_checked(decompress(blocks, compression), form), split):
        held += payloads
        whole = len(held) if asked else len(held) // size * size
        for start in range(0, whole, size):
            yield held[start : start + size]
        del held[:whole]


def _payloads(blocks: Iterator[bytes], split: Splitter) -> Iterator[tuple[list[bytes], bool]]:
    """The payloads that each block completes, and whether they are asked for now."""
    rest, reason = b"", ""
    try:
        for block in blocks:
            data = rest + block
            payloads, end = split(data, whole=False)
            rest = data[end:]
            yield payloads, not block
            if payloads and isinstance(payloads[-1], Damaged) and payloads[-1].last:
                yield [], True
                return
    except DamagedError as error:
        reason = str(error)
    payloads, _ = split(rest, whole=True)
    if reason:
        cut = payloads.pop() if payloads and isinstance(payloads[-1], Damaged) else b""
        payloads.append(Damaged.because(cut, reason, last=True))
    yield payloads, True


def _checked(blocks: Iterator[bytes], form: Format) -> Iterator[bytes]:
    """The blocks. Raises FormatError when they begin an archive, or text that is not UTF-8."""
    first = next(blocks, b"")
    if first[_TAR_AT:].startswith(_TAR):
        raise FormatError("the input is a tar archive, which is not read: unpack it before")
    if form == "json" and first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FormatError("the input is UTF-16 text; JSON is read as UTF-8: convert it before")
    yield first
    yield from blocks
