"""The open connections of a partition, and those that a batch is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from pipeline.stage import Measure, Memory
from pipeline.stage.memory import Numbers
from stages.conntrack.aggregates import Values

A, GROUP, END, BEAT, FIN, REPORTED = ":a", ":group", ":end", ":beat", ":fin", ":reported"
"""Values of a connection beside its outputs.

The hash of its A; its scheduling group; when it ends and is reported next, in the time of the
memory; whether it had a FIN, and was reported before.
"""

_KINDS = {A: "u8", GROUP: "i8", END: "f8", BEAT: "f8", FIN: "?", REPORTED: "?"}


class Connections(Memory):
    """Its fixed columns are KEY and the key fields. `groups` are the names of the groups."""

    def __init__(self, outputs: dict[str, str], groups: Sequence[str]) -> None:
        super().__init__({**_KINDS, **outputs})
        self._groups = groups

    def measures(self) -> list[Measure]:
        live = self.live
        kinds = 2 * self.values(GROUP)[live] + self.values(FIN)[live]
        counts = np.bincount(kinds, minlength=2 * len(self._groups)).reshape(-1, 2)
        return [
            ("conntrack_memory_connections", float(count), (name, phase))
            for name, pair in zip(self._groups, counts, strict=True)
            for phase, count in zip(("active", "terminating"), pair, strict=True)
        ]


class Batch(NamedTuple):
    """The connections that a batch is about: those that are open, then those that begin.

    `rows` are the numbers of the former, `first` the first flows of the latter, and `fixed` is what
    identifies these. `flows` are those that are added, `places` the connection of each. `held` has
    the values of all connections.
    """

    rows: Numbers
    first: Numbers
    fixed: pl.DataFrame
    flows: Numbers
    places: Numbers
    held: Values
