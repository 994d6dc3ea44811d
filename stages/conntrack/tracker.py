"""A batch of flows through the connections that are open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline import limits
from pipeline.flows import values
from pipeline.flows.gob_hash import Mask
from pipeline.flows.tcp import FLAGS
from pipeline.stage import Measure, Stepped
from pipeline.stage.memory import KEY, Numbers
from stages.conntrack import records, timers
from stages.conntrack.aggregates import Aggregates, Inputs, Into, Values
from stages.conntrack.connections import BEAT, END, FIN, GROUP, REPORTED, A, Batch, Connections
from stages.conntrack.fields import Flags, RecordType
from stages.conntrack.keys import Hashed, KeyHasher
from stages.conntrack.schedules import Schedules
from stages.conntrack.timers import Due

_PROTOCOLS = (6.0, 17.0, 132.0)
_BITS = {name: bit for bit, name in FLAGS.items()}
_TRUE = ("1", "t", "T", "true", "TRUE", "True")


class _Came(NamedTuple):
    """The flows of a batch that can be tracked, at `time`, that of the memory.

    `counted` are the rows of those that are not duplicates; `bits` the TCP flags of all.
    """

    flows: pl.DataFrame
    hashed: Hashed
    inputs: Inputs
    counted: Numbers
    bits: npt.NDArray[np.int64]
    time: float


class Tracker:
    """What a `conntrack` stage does with a batch; at `most` so many connections are open."""

    def __init__(
        self,
        *,
        hasher: KeyHasher,
        aggregates: Aggregates,
        schedules: Schedules,
        flags: Flags,
        wanted: frozenset[RecordType],
        most: int,
        idle: float,
    ) -> None:
        self.idle = idle
        self._hasher = hasher
        self._aggregates = aggregates
        self._schedules = schedules
        self._flags = flags
        self._wanted = wanted
        self._most = most

    def begin(self) -> Connections:
        """No connection is open."""
        return Connections(self._aggregates.kinds, self._schedules.names)

    def step(self, flows: pl.DataFrame, memory: Connections, now: float) -> Stepped:
        """Records of the flows, and of connections that begin, go on and end."""
        came = self._came(flows, memory.time(now))
        batch, swapped = self._batch(came, memory)
        parts = [*self._of_flows(came), *self._of_new(batch, came)]
        if len(parts) > 1:
            parts = [records.interleaved(parts[0], parts[1], batch.first)]
        fins = self._add(batch, came)
        ended = timers.ends(batch, memory, came.time)
        late = timers.beats if RecordType.HEARTBEAT in self._wanted else timers.none
        beaten = late(batch, ended, memory, came.time)
        parts += self._of_due(RecordType.END, ended, memory)
        parts += self._of_due(RecordType.HEARTBEAT, beaten, memory)
        untracked = flows.height - came.flows.height
        discarded = untracked + len(came.counted) - len(batch.flows)
        return Stepped(
            records.joined(parts, flows),
            timers.change(batch, ended, beaten, came.time + self._schedules.heartbeat, now),
            untracked if RecordType.FLOW in self._wanted else discarded,
            [
                *came.hashed.errors,
                *self._aggregates.errors(came.inputs, batch.flows),
                *_measures("tcp_flags", {"detectEndConnection": fins, "swapAB": swapped}),
                *self._input_measures(came, batch, discarded),
                *self._output_measures(came, batch, ended, beaten),
            ],
        )

    def _came(self, flows: pl.DataFrame, time: float) -> _Came:
        tracked = flows.filter(_is_tracked(flows.schema)).drop(values.ORIGIN, strict=False)
        schema = tracked.schema
        number = values.number(schema, self._flags.field)
        bits = number.cast(pl.Int64, strict=False).fill_null(0)
        counted = np.flatnonzero(_column(tracked, ~_is_duplicate(schema)))
        hashed = self._hasher.hashes(tracked)
        return _Came(tracked, hashed, Inputs(tracked), counted, _column(tracked, bits), time)

    def _batch(self, came: _Came, memory: Connections) -> tuple[Batch, int]:
        """The connections of the flows, and of how many that begin A and B are exchanged."""
        hashes = came.hashed.total[came.counted]
        keys, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        known = memory.find(keys)
        old, new = np.flatnonzero(known >= 0), np.flatnonzero(known < 0)
        new = new[np.argsort(first[new])][: max(0, self._most - memory.alive)]
        place = np.full(len(keys), -1)
        place[old], place[new] = np.arange(len(old)), len(old) + np.arange(len(new))
        places, begins, rows = place[inverse], came.counted[first[new]], known[old]
        if len(old) + len(new) < len(keys):
            limits.reached(f"{self._most:,} open connections", "flows of others are discarded")
        swapped = np.zeros(len(begins), np.bool_)
        if self._flags.swap:
            swapped = (came.bits[begins] & _BITS["SYN_ACK"]) > 0
        fixed, fresh = self._begun(came, begins, swapped)
        held = {
            name: np.concatenate([memory.values(name)[rows], fresh[name]]) for name in memory.kinds
        }
        there = places >= 0
        batch = Batch(rows, begins, fixed, came.counted[there], places[there], held)
        return batch, int(swapped.sum())

    def _begun(self, came: _Came, first: Numbers, swapped: Mask) -> tuple[pl.DataFrame, Values]:
        """What identifies the connections that begin with these flows, and their values."""
        fixed = self._hasher.identity(came.flows[pl.Series(first, dtype=pl.UInt32)], swapped)
        group, hashed = self._schedules.groups(fixed), came.hashed
        fresh = self._aggregates.initial(len(first)) | {
            A: np.where(swapped, hashed.b[first], hashed.a[first]),
            GROUP: group,
            END: np.full(len(first), came.time),
            BEAT: came.time + self._schedules.heartbeat[group],
            FIN: np.zeros(len(first), np.bool_),
            REPORTED: np.full(len(first), RecordType.NEW in self._wanted),
        }
        return fixed.with_columns(pl.Series(KEY, hashed.total[first], dtype=pl.UInt64)), fresh

    def _add(self, batch: Batch, came: _Came) -> int:
        """Add the flows to their connections, in place; how many flows have FIN."""
        held, places = batch.held, batch.places
        forward = came.hashed.a[batch.flows] == held[A][places]
        into = Into(batch.flows, places, forward, len(batch.rows))
        self._aggregates.add(held, came.inputs, into)
        fins = np.zeros(len(places), np.bool_)
        if self._flags.detect_end:
            fins = (came.bits[batch.flows] & _BITS["FIN"]) > 0
        before, group = held[FIN].copy(), held[GROUP]
        held[FIN][places[fins]] = True
        after = np.where(held[FIN], self._schedules.terminate[group], self._schedules.end[group])
        held[END] = np.where(before, held[END], came.time + after)
        return int(fins.sum())

    def _of_flows(self, came: _Came) -> Iterator[pl.DataFrame]:
        if RecordType.FLOW in self._wanted:
            yield records.of_flows(came.flows, came.hashed.total)

    def _of_new(self, batch: Batch, came: _Came) -> Iterator[pl.DataFrame]:
        """The records of connections that begin: of their first flow alone."""
        count = len(batch.first)
        if count and RecordType.NEW in self._wanted:
            held = self._aggregates.initial(count)
            forward = came.hashed.a[batch.first] == batch.held[A][len(batch.rows) :]
            into = Into(batch.first, np.arange(count), forward, 0)
            self._aggregates.add(held, came.inputs, into)
            reported, kind = np.zeros(count, np.bool_), RecordType.NEW
            yield records.of_connections(batch.fixed, held, reported, kind, self._aggregates)

    def _of_due(self, kind: RecordType, due: Due, memory: Connections) -> Iterator[pl.DataFrame]:
        if kind in self._wanted and len(due.rows):
            held = {name: array[due.order] for name, array in due.held.items()}
            fixed = memory.rows(due.rows[due.order])
            yield records.of_connections(fixed, held, held[REPORTED], kind, self._aggregates)

    def _input_measures(self, came: _Came, batch: Batch, discarded: int) -> Iterator[Measure]:
        numbers = {
            "discarded": discarded,
            "duplicate": came.flows.height - len(came.counted),
            "newConnection": len(batch.first),
            "update": len(batch.flows) - len(batch.first),
        }
        return _measures("input_records", numbers)

    def _output_measures(
        self, came: _Came, batch: Batch, ended: Due, beaten: Due
    ) -> Iterator[Measure]:
        sizes = {
            RecordType.NEW: len(batch.first),
            RecordType.FLOW: came.flows.height,
            RecordType.HEARTBEAT: len(beaten.rows),
            RecordType.END: len(ended.rows),
        }
        wanted = {str(kind): size for kind, size in sizes.items() if kind in self._wanted}
        yield from _measures("output_records", wanted)
        for group, name in enumerate(self._schedules.names):
            fins = ended.held[FIN][ended.held[GROUP] == group]
            for reason, count in (("FIN_flag", fins.sum()), ("timeout", (~fins).sum())):
                yield "conntrack_end_connections", float(count), (name, reason)


def _measures(name: str, numbers: Mapping[str, int]) -> Iterator[Measure]:
    return ((f"conntrack_{name}", number, (label,)) for label, number in numbers.items() if number)


def _column(flows: pl.DataFrame, expression: pl.Expr) -> npt.NDArray[np.int64]:
    return flows.with_columns(expression.alias(values.HIDDEN))[values.HIDDEN].to_numpy()


def _is_tracked(schema: values.Schema) -> pl.Expr:
    """Boolean: TCP, UDP or SCTP, as a number or as its text."""
    return values.number(schema, "Proto").is_in(_PROTOCOLS).fill_null(value=False)


def _is_duplicate(schema: values.Schema) -> pl.Expr:
    """Boolean: the agent says that another flow reports the same packets."""
    text = values.string(schema, "Duplicate").is_in(_TRUE)
    parts = [values.boolean(schema, "Duplicate"), text, values.numeric(schema, "Duplicate") == 1]
    return pl.any_horizontal(*(part.fill_null(value=False) for part in parts))
