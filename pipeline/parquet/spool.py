"""A spool: frames of flows, appended to a file as they come, until they become a Parquet file.

Each frame is a run of bytes of its own: length, checksum, then an Arrow IPC stream. What a killed
process has written whole can be read, and the rest, cut anywhere, is known as such. The file is
locked while its process appends to it.
"""

from __future__ import annotations

import fcntl
import io
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import polars as pl

_HEAD = struct.Struct("<QI")
"""In front of each frame: how many bytes it has, and their CRC-32."""
_BEGIN = b"\xff" * 4
_END = _BEGIN + bytes(4)
"""What an Arrow IPC stream begins and ends with (Arrow columnar format, "IPC streaming format")."""


class Spool:
    """A new spool at `path`, which no one else converts while it is open.

    Raises OSError, as all of its methods.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.flows = 0
        """Flows in whole frames."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        self._size = 0
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def append(self, flows: pl.DataFrame) -> None:
        """Hand a frame over to the operating system, all of it or nothing."""
        body = io.BytesIO()
        flows.write_ipc_stream(body, compression="lz4")
        data = body.getbuffer()
        try:
            self._write(_HEAD.pack(len(data), zlib.crc32(data)))
            self._write(data)
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            os.lseek(self._descriptor, self._size, os.SEEK_SET)
            raise
        self._size += _HEAD.size + len(data)
        self.flows += flows.height

    def _write(self, data: bytes | memoryview) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def close(self) -> None:
        """Leave it to whoever converts it."""
        os.close(self._descriptor)


def frames(file: BinaryIO) -> Iterator[bytes]:
    """The whole frames of a spool, each an Arrow IPC stream, up to one that is cut or damaged.

    At the end the file is where that one begins.
    """
    end = file.tell()
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        length, checksum = _HEAD.unpack(head)
        data = file.read(length) if length <= _rest(file) else b""
        if not data or zlib.crc32(data) != checksum:
            break
        end = file.tell()
        yield data
    file.seek(end)


def is_cut(rest: bytes) -> bool:
    """Whether what follows the whole frames is a frame that was being written, or zeros.

    Such a frame has the beginning of an Arrow stream and no end of one. All else is damage, also a
    length that is wrong: a frame that is whole, and those behind it, are in what follows.
    """
    begin = rest[_HEAD.size :][: len(_BEGIN)]
    return not rest.strip(b"\0") or (_BEGIN.startswith(begin) and _END not in rest)


def _rest(file: BinaryIO) -> int:
    """Bytes from where the file is read to its end."""
    return os.fstat(file.fileno()).st_size - file.tell()
