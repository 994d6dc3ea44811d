"""What a file holds, by its beginning: flows in a form that is read, or something else."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.decode import Format, sqlite
from pipeline.decode.compression import DamagedError, FormatError, decompress, named
from pipeline.decode.json_stream import JsonSplitter
from pipeline.decode.splitting import Damaged
from pipeline.files import ending, is_file, naming

_BLOCK, _HEAD = 1 << 16, 16
_BOM = b"\xef\xbb\xbf"
_JSON = re.compile(rb'[\s\0]*(?:\[\s*\]|(?:\[\s*)?\{\s*(?:\}|"[^"\x00-\x1f]*"\s*:))')
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def detected(path: Path) -> Format:
    """How the flows of a recording are written; an SQLite database reads as JSON.

    Raises OSError, also when the file is of a format that is not read, and of a pipe: what is read
    of it to look is gone.
    """
    if path.is_fifo():
        hint = "write it to a file, or give a pipeline with its decoder"
        raise OSError(f"{path}: what a pipe holds cannot be known before it is read: {hint}")
    if sqlite.is_database(path):
        return "json"
    return "json" if _json_begins(_beginning(path)) else "protobuf"


def decoder_of(recording: Path, own: Format) -> Format:
    """The decoder for a recording that takes the place of a source: the source's `own` if it can.

    A file that cannot be read leaves it as it is; whoever reads it says why.
    """
    try:
        found = detected(recording)
    except OSError:
        return own
    return own if "json" not in {own, found} else found


def is_recording(path: Path, settings: frozenset[str]) -> bool:
    """Whether a file holds flows, and is not a text or a JSON object with one of these keys.

    A pipe is not looked into: what is read of it is gone. Raises OSError.
    """
    if not is_file(path):
        return False
    if sqlite.is_database(path):
        return True
    data = _beginning(path)
    if not _json_begins(data):
        return not _is_text(data) or _is_packed(path)
    payloads, _ = JsonSplitter()(data, whole=len(data) < _BLOCK)
    first = next((p for p in payloads if not isinstance(p, Damaged)), b"")
    try:
        flow = json.loads(first)
    except (ValueError, RecursionError):
        return True
    return not (isinstance(flow, dict) and settings & {str(key).lower() for key in flow})


def _json_begins(data: bytes) -> bool:
    """Whether an object or an array of objects begins here: no message of protobuf looks so.

    Also in UTF-16, which whoever reads it refuses by its name.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", errors="ignore").encode(errors="ignore")
    return _JSON.match(data.removeprefix(_BOM)) is not None


def _is_text(data: bytes) -> bool:
    """Whether no letter controls anything but lines: a message has such bytes."""
    return _CONTROL.search(data) is None


def _is_packed(path: Path) -> bool:
    with ending(path) as file:
        return bool(named(file.read(_HEAD)))


def _beginning(path: Path) -> bytes:
    """The first bytes of a file, decompressed."""
    data = b""
    try:
        for block in decompress(_blocks(path)):
            data += block
            if len(data) >= _BLOCK:
                break
    except DamagedError:
        pass  # what was whole tells enough
    except FormatError as error:
        raise OSError(f"{path}: {error}") from error
    return data[:_BLOCK]


def _blocks(path: Path) -> Iterator[bytes]:
    with ending(path) as file, naming(path):
        while block := file.read(_BLOCK):
            yield block
