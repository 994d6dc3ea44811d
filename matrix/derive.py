"""From facts to edges."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from matrix.facts import Facts
from matrix.objects import Objects
from pipeline.kube.subnets import Label


def edges(
    facts: Facts, objects: Objects | None = None, labels: Sequence[Label] = ()
) -> pl.DataFrame:
    """The edges (`edges.EDGES`) of facts, sorted by their ends, protocol and port.

    Without `objects` no port is declared, and Services stay ends of their own. `labels` are the
    present subnet labels, for addresses that were counted before they had one.
    """
    raise NotImplementedError
