"""The ledger on disk with the input it includes, in one sealed file written atomically."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import msgspec
import polars as pl
import pyarrow as pa

from pipeline.files import bounded, sync
from pipeline.stage import Family
from pipeline.stage.memory import Saved
from pipeline.state.ledger import Ledger
from pipeline.state.memories import Memories
from pipeline.state.sealed import SealError, seal, unseal
from pipeline.state.series_rows import columns

_OPENING = 1000  # messages at the start of an input that identify it
_VERSION = 3
_UNSEALED = b"\x84\xa7version\x02"
"""How a file of version 2 begins, which had no head."""
_FILE = "ledger.checkpoint"
_BEFORE = f"{_FILE}.before"
_MEMORY = pa.system_memory_pool()
"""Gives back what is free; the default pool keeps the most that it ever had."""
_Count = Annotated[int, msgspec.Meta(ge=0)]
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


class Progress(msgspec.Struct, frozen=True):
    """How far an input was counted: `messages` of it, its first `opening` hash to `head`.

    `before`: messages of other inputs of the same source, which were counted earlier.
    """

    messages: _Count = 0
    opening: _Count = 0
    head: str = ""
    before: _Count = 0

    @classmethod
    def start(cls, messages: Sequence[bytes], before: int = 0) -> Progress:
        """Nothing counted of an input that starts with these messages."""
        opening = min(_OPENING, len(messages))
        return cls(0, opening, digest(messages[:opening]), before)

    def without_last(self, opening: Sequence[bytes]) -> Progress:
        """One message less; `opening` are the messages that identify the input."""
        if self.messages > self.opening:
            return msgspec.structs.replace(self, messages=self.messages - 1)
        kept = opening[: self.messages - 1]
        return Progress(len(kept), len(kept), digest(kept), self.before)

    def continues(self, messages: Sequence[bytes]) -> bool:
        """Whether an input that starts with these messages is the input that was counted."""
        return bool(self.messages) and digest(messages[: self.opening]) == self.head


class _Saved(msgspec.Struct, frozen=True):
    family: Family
    totals: bytes
    overflow: bytes


class _Remembered(msgspec.Struct, frozen=True):
    digest: str
    at: float
    fixed: bytes
    values: bytes


class _Checkpoint(msgspec.Struct, frozen=True):
    progress: dict[str, Progress]
    dead_letters: _Count
    tables: list[_Saved]
    memories: dict[str, _Remembered] = {}


class FileCheckpoint(msgspec.Struct, frozen=True):
    """What a checkpoint says beside the ledger: progress per source, bytes of dead letters.

    `changed` and `added` are metrics without counts, though some of the input was counted: they
    have changed since, or are new.
    """

    progress: dict[str, Progress] = {}
    dead_letters: int = 0
    changed: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()


_UNREADABLE = (
    *(SealError, msgspec.MsgspecError, pa.ArrowException, pl.exceptions.PolarsError),
    OSError,  # what Arrow raises at an early end
)


class CheckpointError(Exception):
    """A state folder that cannot be read, written or locked; the message says what to do."""


def digest(messages: Sequence[bytes]) -> str:
    """A hash of messages, their lengths included."""
    state = hashlib.blake2b(digest_size=16)
    for message in messages:
        state.update(len(message).to_bytes(8, "big"))
        state.update(message)
    return state.hexdigest()


def save(
    folder: Path,
    ledger: Ledger,
    checkpoint: FileCheckpoint,
    without: Container[str] = (),
    memories: Memories | None = None,
) -> None:
    """Write ledger, memories and progress as one file; a reader sees the old or the new one, whole.

    Metrics in `without` are left out. The file before is kept beside it. Raises CheckpointError
    when the folder cannot be written.
    """
    tables = [
        _Saved(table.family, *(pack_parts(rows.parts(f)) for f in (rows.totals, rows.overflow)))
        for table in ledger.tables()
        if table.family.name not in without
        for rows in [table.rows]
    ]
    remembered = {
        name: _Remembered(digest, saved.at, pack(saved.fixed), pack(saved.values))
        for name, digest, saved in (memories.saved() if memories else ())
    }
    document = _Checkpoint(checkpoint.progress, checkpoint.dead_letters, tables, remembered)
    data = seal(msgspec.msgpack.encode(document), _VERSION)
    path, fresh = folder / _FILE, folder / f"{_FILE}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(fresh, data)
        if path.exists():
            _link(path, folder / _BEFORE)
        fresh.replace(path)
        sync(folder)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise CheckpointError(f"cannot write the state in {folder}: {error.strerror}") from error


def load(folder: Path, ledger: Ledger, memories: Memories | None = None) -> FileCheckpoint:
    """Put what was saved into ledger and memories; an empty folder is an empty checkpoint.

    A family that has changed since (see `Family.continues`) has no counts, nor have families that
    are new; what is no longer configured is dropped. Raises CheckpointError.
    """
    document = _read(folder)
    if document is None:
        return FileCheckpoint()
    with _reading(folder):
        changed = frozenset(
            saved.family.name
            for saved in document.tables
            if not ledger.restore(saved.family, *_series(saved))
        )
        if memories:
            for name, kept in document.memories.items():
                found = Saved(kept.at, unpack(kept.fixed), unpack(kept.values))
                memories.restore(name, kept.digest, found)
    known = {saved.family.name for saved in document.tables}
    added = frozenset(table.family.name for table in ledger.tables()) - known
    return FileCheckpoint(document.progress, document.dead_letters, changed, added)


def tables(folder: Path) -> list[tuple[Family, pl.DataFrame]]:
    """The families and series of a state folder, for reading alone; no lock is needed.

    Raises CheckpointError, also when there is no checkpoint in the folder.
    """
    document = _read(folder)
    if document is None:
        raise CheckpointError(f"there is no state in {folder}")
    with _reading(folder):
        return [
            (saved.family, pl.concat([*totals, overflow]))
            for saved in document.tables
            for totals, overflow in [_series(saved)]
        ]


def _series(saved: _Saved) -> tuple[Iterator[pl.DataFrame], pl.DataFrame]:
    """The totals of a family in parts, and its overflow. Raises SealError for other columns."""
    types = dict.fromkeys(saved.family.labels, pl.String()) | columns(saved.family)

    def checked(frame: pl.DataFrame) -> pl.DataFrame:
        if frame.schema != types:
            raise SealError(f"metric {saved.family.name} has other columns than it says")
        return frame

    return map(checked, unpack_parts(saved.totals)), checked(unpack(saved.overflow))


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Raise CheckpointError where a whole file holds something else than `save` wrote."""
    try:
        yield
    except _UNREADABLE as error:
        why = str(error).partition("\n")[0]
        raise CheckpointError(
            f"cannot read the state {folder / _FILE}: {why}; {_advice(folder)}"
        ) from error


def _read(folder: Path) -> _Checkpoint | None:
    path = folder / _FILE
    try:
        data = bounded(path, sys.maxsize).read_bytes()
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise CheckpointError(f"the state is a folder, and {folder} is not one") from error
    except OSError as error:
        raise CheckpointError(f"cannot read the state {path}: {error.strerror}") from error
    with _reading(folder):
        return _decoded(data)


def _decoded(data: bytes) -> _Checkpoint:
    if data.startswith(_UNSEALED):
        raise SealError("it was written by an older flowmatrix (version 2), without a checksum")
    return msgspec.msgpack.decode(unseal(data, _VERSION), type=_Checkpoint)


def _advice(folder: Path) -> str:
    """Advice for a state that cannot be read."""
    path, before = folder / _FILE, folder / _BEFORE
    try:
        document = _decoded(bounded(before, sys.maxsize).read_bytes())
    except (OSError, SealError, msgspec.MsgspecError):
        return f"to start from zero, delete {path}"
    counted = sum(progress.messages for progress in document.progress.values())
    return (
        f"the state before it is whole ({counted} messages): to go on from that, move {before} to "
        f"{path}; to start from zero, delete both"
    )


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(0o600)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _link(path: Path, other: Path) -> None:
    """Give a file another name as well, in place of what had it; where none can, a copy."""
    fresh = other.with_name(f"{other.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        os.link(path, fresh)
    except OSError:
        shutil.copyfile(path, fresh)
        fresh.chmod(0o600)
    fresh.replace(other)


def pack(frame: pl.DataFrame) -> bytes:
    """A frame as bytes (an Arrow stream, compressed)."""
    return pack_parts(iter([frame]))


def pack_parts(frames: Iterator[pl.DataFrame]) -> bytes:
    """What `pack` makes of frames one below the other; there is at least one."""
    sink, first = pa.BufferOutputStream(_MEMORY), next(frames).to_arrow()
    with pa.ipc.new_stream(sink, first.schema, options=_COMPRESSED) as stream:
        stream.write_table(first)
        for frame in frames:
            stream.write_table(frame.to_arrow())
    data: bytes = sink.getvalue().to_pybytes()
    return data


def unpack_parts(data: bytes) -> Iterator[pl.DataFrame]:
    """The frames that `pack_parts` was given, more or less: labels need much memory at once.

    Raises pyarrow.ArrowException for other bytes.
    """
    for batch in pa.ipc.open_stream(data, memory_pool=_MEMORY):
        yield pl.DataFrame(batch)


def unpack(data: bytes) -> pl.DataFrame:
    """The frame that `pack` made bytes of. Raises pyarrow.ArrowException for other bytes."""
    return pl.DataFrame(pa.ipc.open_stream(data, memory_pool=_MEMORY).read_all())
