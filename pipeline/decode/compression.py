"""Compressed input as a stream: every member or frame of it, in pieces of bounded size.

An input is a series of members (gzip, bz2, xz) or frames (zstd, lz4, snappy), which may be of
different formats, with skippable frames and zero padding between and behind them.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, Protocol

import cramjam
import lz4.frame
from backports import zstd

Compression = Literal["auto", "none", "gzip", "zstd", "lz4", "snappy", "bz2", "xz"]
"""How an input is compressed; auto looks at its first bytes."""

_PIECE = 1 << 18
"""Bytes decompressed at a time, so that a small input cannot fill the memory."""
_STEP = 1 << 16
_MEMORY = 1 << 28
"""Bytes that the dictionary of an xz file may take."""
_REPLAYED = 1 << 20
"""Bytes of a damaged member that are read once more, byte by byte, to lose nothing before it."""

_SNAPPY = b"\xff\x06\x00\x00sNaPpY"
_SKIPPABLE = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
_MAGIC: dict[bytes, Compression] = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    _SNAPPY: "snappy",
    b"\xfd7zXZ\x00": "xz",
    **{b"BZh%d1AY&SY" % level: "bz2" for level in range(1, 10)},
    **{b"BZh%d\x17rE8P\x90" % level: "bz2" for level in range(1, 10)},
}
_REFUSED = {
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\x1f\x9d": "compressed by compress (.Z)",
    b"\x02\x21\x4c\x18": "an lz4 legacy frame",
    b"LZIP\x01": "compressed by lzip",
    **{bytes([first]) + b"\xb5\x2f\xfd": "a zstd frame older than 0.8" for first in range(34, 40)},
    b"PAR1": "a Parquet file",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x0a\x0d\x0d\x0a": "a pcapng capture",
    b"\xd4\xc3\xb2\xa1": "a pcap capture",
    b"\xa1\xb2\xc3\xd4": "a pcap capture",
}
_MAGICS = (*_MAGIC, *_REFUSED, *_SKIPPABLE)


def named(data: bytes) -> str:
    """What the first bytes of some data tell of its format; "" for none that is known here."""
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            return f"something compressed with {name}"
    return next((name for magic, name in _REFUSED.items() if data.startswith(magic)), "")


class DamagedError(Exception):
    """Compressed data that cannot be read on; what was whole before it has been handed over."""


class FormatError(ValueError):
    """An input of a format that is not read; the message names it and says what to do."""


class _Stream(Protocol):
    """One member or frame. `ends`: the input may end here. `unused`: what is behind it, if done."""

    @property
    def done(self) -> bool: ...
    @property
    def ends(self) -> bool: ...
    @property
    def unused(self) -> bytes: ...
    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Library(Protocol):
    """The interface that bz2, lzma, compression.zstd and lz4 share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Frame:
    """A member of bz2 or xz, a frame of zstd or lz4."""

    def __init__(self, library: _Library) -> None:
        self._library = library

    @property
    def done(self) -> bool:
        return self._library.eof

    ends = done

    @property
    def unused(self) -> bytes:
        return self._library.unused_data or b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield self._library.decompress(data, max_length=_PIECE)
        while not self._library.eof and not self._library.needs_input:
            yield self._library.decompress(b"", max_length=_PIECE)


class _Gzip:
    """A member of gzip."""

    def __init__(self) -> None:
        self._library = zlib.decompressobj(wbits=31)

    @property
    def done(self) -> bool:
        return self._library.eof

    ends = done

    @property
    def unused(self) -> bytes:
        return self._library.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        full = True
        while (data or full) and not self._library.eof:
            piece = self._library.decompress(data, _PIECE)
            data, full = self._library.unconsumed_tail, len(piece) == _PIECE
            yield piece


class _Skippable:
    """A frame of zstd or lz4 that says how many bytes to pass over."""

    def __init__(self) -> None:
        self._held = b""
        self._left = -1
        self.unused = b""

    @property
    def done(self) -> bool:
        return self._left == 0

    ends = done

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._left < 0:
            data = self._held = self._held + data
            if len(data) < 8:
                return
            self._left, data = int.from_bytes(data[4:8], "little"), data[8:]
        self.unused = data[self._left :]
        self._left = max(0, self._left - len(data))
        yield b""


class _Snappy:
    """The rest of the input in snappy's framing format: chunks, each of at most 64 KiB of data.

    Zero bytes in the place of a chunk are padding.
    """

    _LARGEST = 4 + 32 + 65_536 * 7 // 6

    def __init__(self) -> None:
        self._held = b""
        self.done = False

    @property
    def unused(self) -> bytes:
        return self._held

    @property
    def ends(self) -> bool:
        return not self._held.strip(b"\0") and len(self._held) < 4

    def feed(self, data: bytes) -> Iterator[bytes]:
        data, at = self._held + data, 0
        while len(data) - at >= 4:
            kind, end = data[at], at + 4 + int.from_bytes(data[at + 1 : at + 4], "little")
            if not any(data[at : at + 4]):
                self.done = True
                break
            if kind < 2 and end - at > self._LARGEST:
                raise ValueError("a chunk is too long")
            if 2 <= kind < 0x80:
                raise ValueError(f"a chunk of the unknown kind {kind}")
            if end > len(data):
                break
            chunk, at = data[at:end], end
            self._held = data[at:]
            if kind < 2:
                yield bytes(cramjam.snappy.decompress(_SNAPPY + chunk))
        self._held = data[at:]


_STREAMS: dict[Compression, Callable[[], _Stream]] = {
    "gzip": _Gzip,
    "zstd": lambda: _Frame(zstd.ZstdDecompressor()),
    "lz4": lambda: _Frame(lz4.frame.LZ4FrameDecompressor()),
    "snappy": _Snappy,
    "bz2": lambda: _Frame(bz2.BZ2Decompressor()),
    "xz": lambda: _Frame(lzma.LZMADecompressor(memlimit=_MEMORY)),
}
_ERRORS = (
    zlib.error,
    lzma.LZMAError,
    zstd.ZstdError,
    cramjam.DecompressionError,
    OSError,
    ValueError,
    RuntimeError,  # what lz4 raises
    EOFError,
)


class _Input:
    """Blocks of bytes with a way to look ahead. `read`: how many bytes were taken."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._held = b""
        self.read = 0

    def head(self) -> bytes:
        """The next bytes, as many as tell of which format they are; they stay where they are."""
        while _undecided(self._held) and (block := next(self._blocks, None)):
            self._held += block
        return self._held

    def step(self) -> bytes | None:
        """Some bytes, maybe none yet; None at the end."""
        data = self._held or next(self._blocks, None)
        if data is None:
            return None
        data, self._held = data[:_STEP], data[_STEP:]
        self.read += len(data)
        return data

    def give_back(self, data: bytes) -> None:
        """These bytes, the last ones taken, come next."""
        self._held = data + self._held
        self.read -= len(data)

    def rest(self) -> Iterator[bytes]:
        """All that is left."""
        held, self._held = self._held, b""
        if held:
            yield held
        yield from self._blocks


def _undecided(head: bytes) -> bool:
    return any(len(head) < len(magic) and magic.startswith(head) for magic in _MAGICS)


def decompress(blocks: Iterable[bytes], compression: Compression = "auto") -> Iterator[bytes]:
    """The decompressed bytes of an input, in pieces; plain input passes as it is.

    Empty blocks pass too. Raises DamagedError where the data ends early, is damaged, or is followed
    by something else, and FormatError when the input is of a format that is not read.
    """
    source = _Input(blocks)
    if compression == "none":
        yield from source.rest()
        return
    form = _recognised(source)
    if compression != "auto" and form not in {compression, "skippable"}:
        raise FormatError(f"the input is not {compression}")
    if form == "none":
        yield from source.rest()
        return
    begun = False
    while form != "none":
        for piece in _member(source, form):
            if piece and not begun:
                begun = True
                _refuse_nested(piece, form)
            yield piece
        yield from _padding(source)
        form = _recognised(source)
    if not source.head():
        return
    raise DamagedError(
        f"what follows the {compression if compression != 'auto' else 'compressed'} data from byte "
        f"{source.read} on is something else and is not read"
    )


_Form = Compression | Literal["skippable"]


def _refuse_nested(first: bytes, form: _Form) -> None:
    """Raise FormatError where the data is compressed, or something else, once more."""
    if what := named(first):
        raise FormatError(
            f"what is compressed with {form} is {what}, which is not read: decompress it before"
        )


def _recognised(source: _Input) -> _Form:
    head = source.head()
    if head.startswith(_SKIPPABLE):
        return "skippable"
    for magic, form in _MAGIC.items():
        if head.startswith(magic):
            return form
    for magic, what in _REFUSED.items():
        if head.startswith(magic) and not source.read:
            raise FormatError(f"the input is {what}, which is not read: convert it before")
    return "none"


def _padding(source: _Input) -> Iterator[bytes]:
    """Pass over zero bytes; gives the empty blocks among them."""
    while (data := source.step()) is not None:
        if not data:
            yield data
        if behind := data.lstrip(b"\0"):
            source.give_back(behind)
            return


def _member(source: _Input, form: _Form) -> Iterator[bytes]:
    make = _Skippable if form == "skippable" else _STREAMS[form]
    stream, start, given = make(), source.read, 0
    history: list[bytes] = []
    while not stream.done:
        data = source.step()
        if data is None:
            if stream.ends:
                return
            raise DamagedError(f"the {form} data ends early, at byte {source.read} of the input")
        if not data:
            yield data
            continue
        if source.read - start <= _REPLAYED:
            history.append(data)
        try:
            for piece in stream.feed(data):
                given += len(piece)
                yield piece
        except _ERRORS as error:
            if source.read - start <= _REPLAYED:
                yield from _replayed(make(), b"".join(history), given)
            raise DamagedError(
                f"the {form} data is damaged before byte {source.read} of the input: {error}"
            ) from error
    source.give_back(stream.unused)


def _replayed(stream: _Stream, data: bytes, given: int) -> Iterator[bytes]:
    """What a damaged member still gives behind its first `given` bytes."""
    try:
        for at in range(len(data)):
            for piece in stream.feed(data[at : at + 1]):
                yield piece[given:]
                given = max(0, given - len(piece))
    except _ERRORS:
        return
