"""Which connections end or are reported, and what becomes of the memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.stage import Change
from pipeline.stage.memory import Numbers
from stages.conntrack.aggregates import Values
from stages.conntrack.connections import BEAT, END, FIN, GROUP, REPORTED, Batch, Connections


class Due(NamedTuple):
    """Connections to report.

    `here` are the places of those that the batch is about, `others` the rows of the rest; `rows`
    and `held` are of both, in this order. `order` is that of their records.
    """

    here: Numbers
    others: Numbers
    rows: Numbers
    held: Values
    order: Numbers


def ends(batch: Batch, memory: Connections, time: float) -> Due:
    """The connections that end: by group those with FIN, then those that were idle."""
    due = memory.live & (memory.values(END) < time)
    due[batch.rows] = False
    here = np.flatnonzero(batch.held[END][: len(batch.rows)] < time)
    return _due(here, np.flatnonzero(due), batch, memory, END)


def beats(batch: Batch, ended: Due, memory: Connections, time: float) -> Due:
    """The connections that go on and have not been reported for long enough."""
    due = memory.live & (memory.values(BEAT) < time) & ~memory.values(FIN)
    due[batch.rows] = False
    due[ended.others] = False
    late = (batch.held[BEAT] < time) & ~batch.held[FIN]
    late[ended.here] = False
    late[len(batch.rows) :] = False
    return _due(np.flatnonzero(late), np.flatnonzero(due), batch, memory, BEAT)


def none(batch: Batch, _: Due, memory: Connections, __: float) -> Due:
    """No connection, in the place of `beats`."""
    empty = np.empty(0, np.int64)
    return _due(empty, empty, batch, memory, END)


def change(
    batch: Batch, ended: Due, beaten: Due, next_beats: npt.NDArray[np.float64], now: float
) -> Change:
    """What a batch changes in the memory; `next_beats`: when a group's are reported next."""
    old, held = len(batch.rows), batch.held
    others = {name: array[len(beaten.here) :] for name, array in beaten.held.items()}
    held[BEAT][beaten.here] = next_beats[held[GROUP][beaten.here]]
    held[REPORTED][beaten.here] = True
    others[BEAT] = next_beats[others[GROUP]]
    others[REPORTED] = np.ones(len(beaten.others), np.bool_)
    goes_on = np.ones(old, np.bool_)
    goes_on[ended.here] = False
    kept = np.flatnonzero(goes_on)
    return Change(
        now,
        np.concatenate([batch.rows[kept], beaten.others]),
        {name: np.concatenate([held[name][kept], others[name]]) for name in held},
        ended.rows,
        batch.fixed,
        {name: array[old:] for name, array in held.items()},
    )


def _due(here: Numbers, others: Numbers, batch: Batch, memory: Connections, when: str) -> Due:
    rows = np.concatenate([batch.rows[here], others])
    held = {
        name: np.concatenate([array[here], memory.values(name)[others]])
        for name, array in batch.held.items()
    }
    order: npt.NDArray[np.int64] = np.lexsort((rows, held[when], ~held[FIN], held[GROUP]))
    return Due(here, others, rows, held, order)
