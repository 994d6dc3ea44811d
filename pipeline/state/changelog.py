"""The state of one input partition as records of a compacted Kafka topic: how it is written.

A checkpoint is a set of *parts* (the labels of a family's series, or their values, `ROWS` of them)
and then one *manifest*: the input position it includes and the parts that make up the state. Only
what changed is written: of most series the values alone, which are a tenth of it, and where few of
a part have changed these alone (`changes.py`). A state is what the manifest names, so a checkpoint
holds as a whole or not at all, though Kafka knows nothing of it. Each part says the position it was
written at. Each record is sealed (`sealed.py`): version, length and checksum are verified before
anything of it is read.

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

import io
import math
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import polars as pl

from pipeline.kafka.connection import BrokerError
from pipeline.stage import Family, memory
from pipeline.state import changes
from pipeline.state.changes import ROWS, Places
from pipeline.state.label_sets import ID
from pipeline.state.memories import MemorySnapshot
from pipeline.state.narrow import wide
from pipeline.state.sealed import seal
from pipeline.state.series_rows import LAST_COUNTED, Rows
from pipeline.state.series_table import SeriesTable

_PIECE = 900_000  # bytes; brokers take messages of 1 MB unless told otherwise
VERSION = 4
OVERFLOW_CHUNK = -1
"""Where the overflow series of a family is."""

MANIFEST = "manifest"

What = Literal["labels", "values", "changes", "fixed", "kept"]
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

    Chunk -1 is its overflow series. Of changes, it is their number.
    """

    family: str
    chunk: int
    what: What
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
    parts: dict[tuple[int, What], Part]


class Writer:
    """Writes the checkpoints of one epoch. `stale`: the keys of earlier ones."""

    def __init__(self, epoch: Epoch, stale: Iterable[bytes] = (), topic_id: str = "") -> None:
        self.epoch = epoch
        self._topic_id = topic_id
        self._stale = list(stale)
        self._parts: dict[str, dict[tuple[int, What], Part]] = {}
        self._slots: dict[tuple[str, int, What], int] = {}
        self._cut: dict[str, float] = {}
        self._anew: dict[str, float] = {}
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
            changed, beside = self._changed(name, rows, cut)
            for chunk, frame in changed:
                if rows.sets.labels and self._grown(name, chunk, frame.height):
                    labels = rows.sets.frame(frame[ID])
                    records += self._part(name, chunk, "labels", labels, position)
                values = pl.DataFrame([c for c in frame.get_columns() if c.name != ID])
                records += self._part(name, chunk, "values", values, position)
            if beside is not None:
                number = len(self._beside(name))
                records += self._part(name, number, "changes", beside, position)
        kept = [self._remember(one, position, records) for one in memories]
        self._cut = dict.fromkeys((family.name for family in families), cut)
        parts = [part for f in families for part in self._parts.get(f.name, {}).values()]
        manifest = Manifest(position, families, parts, self._topic_id, kept)
        deletions: list[Record] = [(key, None) for key in self._stale]
        self._stale = []
        named = self.epoch.key(MANIFEST), seal(msgspec.msgpack.encode(manifest), VERSION)
        return CheckpointRecords(position, records, named, deletions)

    def forget(self, families: Collection[str]) -> None:
        """Nothing of what was written of these families holds: they are written anew."""
        for name in families:
            for kept in (self._parts, self._cut, self._anew):
                kept.pop(name, None)

    @property
    def families(self) -> frozenset[str]:
        """The names of the families it has written."""
        return frozenset(self._cut)

    def _changed(
        self, name: str, rows: Rows, cut: float
    ) -> tuple[list[tuple[int, pl.DataFrame]], pl.DataFrame | None]:
        """The chunks to write of the series counted since the last cut, and changes beside them.

        Series stay where they are in an edition.
        """
        since, beside = self._cut.get(name, -math.inf), None
        places = _counted_after(rows.totals, since)
        if rows.totals.height > changes.WORTH:
            places, alone = self._apart(name, rows, places, cut)
            if len(alone):
                beside = wide(changes.alone(rows.totals.drop(ID), alone))
        chunks = np.unique(places // ROWS).tolist()
        found = [(chunk, wide(rows.totals.slice(chunk * ROWS, ROWS))) for chunk in chunks]
        if len(_counted_after(rows.overflow, since)):
            found.append((OVERFLOW_CHUNK, rows.overflow))
        return found, beside

    def _apart(self, name: str, rows: Rows, places: Places, cut: float) -> tuple[Places, Places]:
        """The places of series whose chunks are written, and of those that are written alone."""
        height = rows.totals.height
        few = changes.few(places, height, lambda chunk: self._rows(name, chunk))
        held = self._beside(name)
        many = 2 * (sum(part.rows for part in held) + np.count_nonzero(few)) > height
        anew = self._anew.setdefault(name, cut)
        if not (held and few.any() and (many or len(held) >= changes.MOST)):
            return places[~few], places[few]
        self._anew[name] = cut
        for part in held:
            del self._parts[name][part.chunk, "changes"]
        return _counted_after(rows.totals, anew), places[:0]

    def _beside(self, name: str) -> list[Part]:
        """The changes that stand beside the values of a family."""
        return [part for part in self._parts.get(name, {}).values() if part.what == "changes"]

    def _rows(self, name: str, chunk: int) -> int:
        """How many series of a chunk are written."""
        written = self._parts.get(name, {}).get((chunk, "values"))
        return written.rows if written else 0

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
            frames: dict[What, pl.DataFrame] = {"kept": kept}
            if written is None or written.rows < fixed.height:
                frames["fixed"] = fixed
            for what, frame in frames.items():
                part, made = self._written(one.stage, chunk, what, frame, position)
                held.parts[chunk, what] = part
                records += made
        return Remembered(one.stage, one.digest, one.at, list(held.parts.values()))

    def _part(
        self, family: str, chunk: int, what: What, frame: pl.DataFrame, position: int
    ) -> list[Record]:
        part, records = self._written(family, chunk, what, frame, position)
        self._parts.setdefault(family, {})[chunk, what] = part
        return records

    def _written(
        self, name: str, chunk: int, what: What, frame: pl.DataFrame, position: int
    ) -> tuple[Part, list[Record]]:
        """A part in the slot that is not named by the last manifest, and its records."""
        data = _packed(frame)
        pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
        slot = self._slots[name, chunk, what] = 1 - self._slots.get((name, chunk, what), 1)
        part = Part(name, chunk, what, slot, len(pieces), frame.height, position)
        return part, [
            (part.key(self.epoch, n), seal(piece, VERSION)) for n, piece in enumerate(pieces)
        ]


def _counted_after(series: pl.DataFrame, cut: float) -> Places:
    return np.flatnonzero(series.get_column(LAST_COUNTED).to_numpy() > cut)


def _packed(frame: pl.DataFrame) -> bytes:
    """A frame as `unpack` reads it; a part is small, and Polars alone is done with it soonest."""
    sink = io.BytesIO()
    frame.write_ipc_stream(sink, compression="lz4", compat_level=pl.CompatLevel.oldest())
    return sink.getvalue()
