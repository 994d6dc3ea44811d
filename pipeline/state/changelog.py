"""The state of one input partition as records of a compacted Kafka topic.

A checkpoint is a set of *parts* (the labels of a family's series, or their values, `ROWS` of them)
and then one *manifest*: the input position it includes and the parts that make up the state. Only
parts that changed are written: of most series the values alone, which are a tenth of it. A state is
what the manifest names, so a checkpoint holds as a whole or not at all, though Kafka knows nothing
of it. Each part says the position it was written at. Each record is sealed (`sealed.py`): version,
length and checksum are verified before anything of it is read.

Compaction keeps the last record of each key, and decides what keys must look like:

- A part is written in one of two *slots*, in turn. What the last manifest names is in the other
  slot and stays, whenever the writer dies.
- Keys begin with the *epoch* of their writer: one more than any epoch found when it took the
  partition over, then its generation in the consumer group. A worker that was frozen, lost its
  partitions and wakes up can still write, but under its own epoch: it replaces nothing of its
  successor. Of several manifests the one of the highest epoch holds.

A late manifest of a frozen worker is thus ignored, as soon as its successor has written one. If
the successor died before that, the late one holds, and rightly: nothing after it was counted.
The first checkpoint of an epoch writes all parts, after which the keys of older epochs are deleted.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec
import polars as pl
import pyarrow as pa

from pipeline.flows import values
from pipeline.kafka.connection import BrokerError
from pipeline.stage import Family, memory
from pipeline.state.checkpoint_file import pack, unpack
from pipeline.state.label_sets import ID
from pipeline.state.memories import MemorySnapshot
from pipeline.state.narrow import wide
from pipeline.state.sealed import SealError, seal, unseal
from pipeline.state.series_table import LAST_COUNTED, Rows, SeriesTable

ROWS = 8192
"""Series in a part."""

_PIECE = 900_000  # bytes; brokers take messages of 1 MB unless told otherwise
_VERSION = 4
_UNSEALED = b"\xa7version"
"""How a manifest of version 3 and before begins, behind its first byte; it had no head."""
_OVERFLOW = -1
_MANIFEST = "manifest"

_What = Literal["labels", "values", "fixed", "kept"]
"""Of series their labels and values; of what a stage remembers, fixed columns and the others."""

Record = tuple[bytes, bytes | None]
"""Key and value; without value, the key is deleted."""


class ChangelogError(BrokerError):
    """A state that cannot be read; the message has the reason, `key` is the record's."""

    def __init__(self, reason: str, key: bytes) -> None:
        super().__init__(reason)
        self.key = key


class Epoch(NamedTuple):
    """One ownership of a partition; the later one compares as greater."""

    counter: int = 0
    generation: int = 0

    def key(self, rest: str) -> bytes:
        """A key of this epoch."""
        return f"{self.counter}.{self.generation}/{rest}".encode()


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Where the labels or the values of the series `chunk * ROWS` and on of a family are.

    Chunk -1 is its overflow series.
    """

    family: str
    chunk: int
    what: _What
    slot: int
    pieces: int
    rows: int
    position: int

    def key(self, epoch: Epoch, piece: int) -> bytes:
        """The key of one of its pieces."""
        return epoch.key(f"{self.family}/{self.chunk}/{self.what}/{'ab'[self.slot]}/{piece}")


class Remembered(msgspec.Struct, frozen=True):
    """A stage that remembers: its digest, the time of its memory (s), and where the rows are."""

    stage: str
    digest: str
    at: float
    parts: list[Part]


class Manifest(msgspec.Struct, frozen=True):
    """A whole state: the next input offset, and where the series are, and what stages remember.

    `topic_id`: of the topic that the offset is of; "" where its broker has no ids.
    """

    position: int
    families: list[Family]
    parts: list[Part]
    topic_id: str = ""
    memories: list[Remembered] = []


class Saved(NamedTuple):
    """A family as it was saved."""

    family: Family
    totals: pl.DataFrame
    overflow: pl.DataFrame


class State(NamedTuple):
    """The content of a changelog. `position` is None when it has no checkpoint."""

    position: int | None
    families: list[Saved]
    newest: int
    """The highest counter of any epoch in it."""
    keys: frozenset[bytes]
    topic_id: str = ""
    """The id of the topic that `position` is of; "" when it is not known."""
    memories: tuple[tuple[str, str, memory.Saved], ...] = ()
    """What stages remember: stage, digest, rows."""


class CheckpointRecords(NamedTuple):
    """Records to write: the parts, once these are durable the manifest, then the deletions."""

    position: int
    parts: list[Record]
    manifest: Record
    deletions: list[Record]


class _Kept(NamedTuple):
    """What was written of a memory, of one digest and edition."""

    version: tuple[str, int]
    parts: dict[tuple[int, _What], Part]


class Writer:
    """Writes the checkpoints of one epoch. `stale`: the keys of earlier ones."""

    def __init__(self, epoch: Epoch, stale: Iterable[bytes] = (), topic_id: str = "") -> None:
        self.epoch = epoch
        self._topic_id = topic_id
        self._stale = list(stale)
        self._parts: dict[str, dict[tuple[int, _What], Part]] = {}
        self._slots: dict[tuple[str, int, _What], int] = {}
        self._cut: dict[str, float] = {}
        self._editions: dict[str, int] = {}
        self._memories: dict[str, _Kept] = {}

    def checkpoint(
        self,
        tables: list[SeriesTable],
        position: int,
        cut: float,
        memories: Iterable[MemorySnapshot] = (),
    ) -> CheckpointRecords:
        """The records of a state.

        `cut`: no series was seen later, and none that changes from here on is seen as early. Call
        it again only when all records of the last checkpoint are durable.
        """
        records: list[Record] = []
        families = [table.family for table in tables]
        for table in tables:
            name = table.family.name
            rows = table.rows
            if self._editions.setdefault(name, rows.edition) != rows.edition:
                self.forget([name])
            self._editions[name] = rows.edition
            for chunk, frame in _changed(rows, self._cut.get(name, -math.inf)):
                if rows.sets.labels and self._grown(name, chunk, frame.height):
                    labels = rows.sets.frame(frame[ID])
                    records += self._part(name, chunk, "labels", labels, position)
                records += self._part(name, chunk, "values", frame.drop(ID), position)
        kept = [self._remember(one, position, records) for one in memories]
        self._cut = dict.fromkeys((family.name for family in families), cut)
        parts = [part for f in families for part in self._parts.get(f.name, {}).values()]
        manifest = Manifest(position, families, parts, self._topic_id, kept)
        deletions: list[Record] = [(key, None) for key in self._stale]
        self._stale = []
        named = self.epoch.key(_MANIFEST), seal(msgspec.msgpack.encode(manifest), _VERSION)
        return CheckpointRecords(position, records, named, deletions)

    def forget(self, families: Collection[str]) -> None:
        """Nothing of what was written of these families holds: they are written anew."""
        for name in families:
            self._parts.pop(name, None)
            self._cut.pop(name, None)

    @property
    def families(self) -> frozenset[str]:
        """The names of the families it has written."""
        return frozenset(self._cut)

    def _grown(self, family: str, chunk: int, rows: int) -> bool:
        """Whether a chunk has series whose labels are not written. Their order never changes."""
        written = self._parts.get(family, {}).get((chunk, "labels"))
        return written is None or written.rows < rows

    def _remember(self, one: MemorySnapshot, position: int, records: list[Record]) -> Remembered:
        """Write the rows of a memory that changed; those that are fixed when there are new ones."""
        held = self._memories.get(one.stage)
        if held is None or held.version != (one.digest, one.edition):
            held = self._memories[one.stage] = _Kept((one.digest, one.edition), {})
        for chunk, (fixed, kept) in one.chunks.items():
            written = held.parts.get((chunk, "fixed"))
            frames: dict[_What, pl.DataFrame] = {"kept": kept}
            if written is None or written.rows < fixed.height:
                frames["fixed"] = fixed
            for what, frame in frames.items():
                part, made = self._written(one.stage, chunk, what, frame, position)
                held.parts[chunk, what] = part
                records += made
        return Remembered(one.stage, one.digest, one.at, list(held.parts.values()))

    def _part(
        self, family: str, chunk: int, what: _What, frame: pl.DataFrame, position: int
    ) -> list[Record]:
        part, records = self._written(family, chunk, what, frame, position)
        self._parts.setdefault(family, {})[chunk, what] = part
        return records

    def _written(
        self, name: str, chunk: int, what: _What, frame: pl.DataFrame, position: int
    ) -> tuple[Part, list[Record]]:
        """A part in the slot that is not named by the last manifest, and its records."""
        data = pack(frame)
        pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
        slot = self._slots[name, chunk, what] = 1 - self._slots.get((name, chunk, what), 1)
        part = Part(name, chunk, what, slot, len(pieces), frame.height, position)
        return part, [
            (part.key(self.epoch, n), seal(piece, _VERSION)) for n, piece in enumerate(pieces)
        ]


def _changed(rows: Rows, cut: float) -> Iterable[tuple[int, pl.DataFrame]]:
    """The chunks with a series counted after `cut`. Series stay where they are in an edition."""
    seen = (rows.totals[LAST_COUNTED] > cut).arg_true()
    for chunk in (seen // ROWS).unique().sort():
        yield chunk, wide(rows.totals.slice(chunk * ROWS, ROWS))
    if (rows.overflow[LAST_COUNTED] > cut).any():
        yield _OVERFLOW, rows.overflow


def read(records: Mapping[bytes, bytes]) -> State:
    """The state in a changelog's records, the last of each key.

    Raises ChangelogError when the newest state is not whole.
    """
    epochs = {_epoch(key) for key in records}
    newest = max((epoch.counter for epoch in epochs), default=0)
    states = [epoch for epoch in epochs if epoch.key(_MANIFEST) in records]
    if not states:
        return State(None, [], newest, frozenset(records))
    epoch = max(states)
    manifest = _manifest(epoch, records)
    families = [
        _saved(family, [p for p in manifest.parts if p.family == family.name], epoch, records)
        for family in manifest.families
    ]
    return State(
        manifest.position,
        [saved for saved in families if saved],
        newest,
        frozenset(records),
        manifest.topic_id,
        tuple((one.stage, one.digest, _memory(one, epoch, records)) for one in manifest.memories),
    )


def _epoch(key: bytes) -> Epoch:
    try:
        counter, generation = key.split(b"/", 1)[0].split(b".")
        return Epoch(int(counter), int(generation))
    except ValueError as error:
        raise ChangelogError("it is not a record of flowmatrix", key) from error


def _manifest(epoch: Epoch, records: Mapping[bytes, bytes]) -> Manifest:
    key = epoch.key(_MANIFEST)
    content = _content(key, records)
    try:
        return msgspec.msgpack.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ChangelogError(f"it is not a manifest: {error}", key) from error


def _content(key: bytes, records: Mapping[bytes, bytes]) -> bytes:
    """What was sealed in a record. Raises ChangelogError, also when there is no such record."""
    if key not in records:
        raise ChangelogError("it is missing", key)
    value = records[key]
    if value.startswith(_UNSEALED, 1):
        written = int.from_bytes(value[1 + len(_UNSEALED) :][:1])
        reason = f"it was written by an older flowmatrix (version {written}, not {_VERSION})"
        raise ChangelogError(reason, key)
    try:
        return unseal(value, _VERSION)
    except SealError as error:
        raise ChangelogError(str(error), key) from error


def _saved(
    family: Family, parts: list[Part], epoch: Epoch, records: Mapping[bytes, bytes]
) -> Saved | None:
    chunks: dict[int, dict[_What, pl.DataFrame]] = {}
    for part in parts:
        chunks.setdefault(part.chunk, {})[part.what] = _frame(part, epoch, records)
    frames = {chunk: _whole(found) for chunk, found in chunks.items()}
    overflow = frames.pop(_OVERFLOW, None)
    totals = [frames[chunk] for chunk in sorted(frames)]
    found = totals or ([] if overflow is None else [overflow])
    if not found:
        return None
    empty = found[0].clear()
    return Saved(family, pl.concat([empty, *totals]), empty if overflow is None else overflow)


def _memory(one: Remembered, epoch: Epoch, records: Mapping[bytes, bytes]) -> memory.Saved:
    """The rows of a memory that are not forgotten."""
    found = {(part.what, part.chunk): _frame(part, epoch, records) for part in one.parts}
    chunks = sorted(chunk for what, chunk in found if what == "kept")
    if not chunks:
        return memory.Saved(one.at, pl.DataFrame(), pl.DataFrame())
    kept = pl.concat([found["kept", chunk] for chunk in chunks])
    fixed = values.concat([found["fixed", chunk] for chunk in chunks])
    live = kept[memory.LIVE]
    return memory.Saved(one.at, fixed.filter(live), kept.filter(live).drop(memory.LIVE))


def _whole(found: Mapping[_What, pl.DataFrame]) -> pl.DataFrame:
    """Labels and values side by side; those of a family without labels are values alone."""
    values = found["values"]
    return found["labels"].hstack(values) if "labels" in found else values


def _frame(part: Part, epoch: Epoch, records: Mapping[bytes, bytes]) -> pl.DataFrame:
    keys = [part.key(epoch, piece) for piece in range(part.pieces)]
    data = b"".join(_content(key, records) for key in keys)
    try:
        frame = unpack(data)
    except (pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise ChangelogError(f"it is not a part of a state: {error}", keys[0]) from error
    if frame.height != part.rows:
        reason = f"it has {frame.height} series where the manifest says {part.rows}"
        raise ChangelogError(reason, keys[0])
    return frame
