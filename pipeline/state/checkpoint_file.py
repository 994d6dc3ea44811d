"""The ledger on disk with the input it includes, in one file written atomically."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa

from pipeline.stage import Family
from pipeline.state.ledger import RESTARTED, Ledger

_OPENING = 1000  # messages at the start of an input that identify it
_VERSION = 2
_FILE = "ledger.checkpoint"
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")
_log = logging.getLogger(__name__)


class Progress(msgspec.Struct, frozen=True):
    """How far an input was counted: `messages` of it, its first `opening` hash to `head`."""

    messages: int = 0
    opening: int = 0
    head: str = ""

    @classmethod
    def start(cls, messages: Sequence[bytes]) -> Progress:
        """Nothing counted of an input that starts with these messages."""
        opening = min(_OPENING, len(messages))
        return cls(0, opening, digest(messages[:opening]))

    def without_last(self, opening: Sequence[bytes]) -> Progress:
        """One message less; `opening` are the messages that identify the input."""
        if self.messages > self.opening:
            return msgspec.structs.replace(self, messages=self.messages - 1)
        kept = opening[: self.messages - 1]
        return Progress(len(kept), len(kept), digest(kept))

    def continues(self, messages: Sequence[bytes]) -> bool:
        """Whether an input that starts with these messages is the one counted before."""
        return bool(self.messages) and digest(messages[: self.opening]) == self.head


class _Saved(msgspec.Struct, frozen=True):
    family: Family
    totals: bytes
    overflow: bytes


class _Checkpoint(msgspec.Struct, frozen=True):
    version: int
    progress: dict[str, Progress]
    dead_letters: int
    tables: list[_Saved]


class FileCheckpoint(msgspec.Struct, frozen=True):
    """What a checkpoint says beside the ledger: progress per source, bytes of dead letters."""

    progress: dict[str, Progress] = {}
    dead_letters: int = 0


class CheckpointError(Exception):
    """A state folder that cannot be read or written; the message names the file."""


def digest(messages: Sequence[bytes]) -> str:
    """A hash of messages, their lengths included."""
    state = hashlib.blake2b(digest_size=16)
    for message in messages:
        state.update(len(message).to_bytes(8, "big"))
        state.update(message)
    return state.hexdigest()


def save(folder: Path, ledger: Ledger, checkpoint: FileCheckpoint) -> None:
    """Write ledger and progress as one file; a reader sees the old one or the new one, whole."""
    tables = [
        _Saved(table.family, *(pack(rows.labelled(f)) for f in (rows.totals, rows.overflow)))
        for table in ledger.tables()
        for rows in [table.rows]
    ]
    document = _Checkpoint(_VERSION, checkpoint.progress, checkpoint.dead_letters, tables)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"{_FILE}.new"
        with fresh.open("wb") as file:
            file.write(msgspec.msgpack.encode(document))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / _FILE)
    except OSError as error:
        raise CheckpointError(f"cannot write the state in {folder}: {error.strerror}") from error


def load(folder: Path, ledger: Ledger) -> FileCheckpoint:
    """Put what was saved into the ledger; an empty folder is an empty checkpoint.

    A family that has changed since (see `Family.continues`) starts again from nothing, as do
    families that are new; what is no longer configured is dropped.
    """
    document = _read(folder)
    if document is None:
        return FileCheckpoint()
    for saved in document.tables:
        if not ledger.restore(saved.family, unpack(saved.totals), unpack(saved.overflow)):
            _log.warning(RESTARTED, saved.family.name)
    return FileCheckpoint(document.progress, document.dead_letters)


def tables(folder: Path) -> list[tuple[Family, pl.DataFrame]]:
    """The families and series of a state folder, for reading alone.

    Raises CheckpointError when there is no checkpoint in the folder.
    """
    document = _read(folder)
    if document is None:
        raise CheckpointError(f"no state in {folder}")
    return [
        (saved.family, pl.concat([unpack(saved.totals), unpack(saved.overflow)]))
        for saved in document.tables
    ]


def _read(folder: Path) -> _Checkpoint | None:
    path = folder / _FILE
    try:
        document = msgspec.msgpack.decode(path.read_bytes(), type=_Checkpoint)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise CheckpointError(f"cannot read the state {path}: {error}") from error
    if document.version != _VERSION:
        raise CheckpointError(
            f"{path} was written by another version ({document.version}): delete it to start "
            "from zero"
        )
    return document


def pack(frame: pl.DataFrame) -> bytes:
    """A frame as bytes (an Arrow stream, compressed)."""
    table, sink = frame.to_arrow(), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_COMPRESSED) as stream:
        stream.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def unpack(data: bytes) -> pl.DataFrame:
    """The frame that `pack` made bytes of. Raises pyarrow.ArrowException when they are none."""
    return pl.DataFrame(pa.ipc.open_stream(data).read_all())
