"""What the ledger has counted about edges: facts, which leave open who the server is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

EDGE_FACTS, ATTRIBUTE_FACTS = "matrix_edges", "matrix_attributes"


class NoFactsError(LookupError):
    """There are no facts about edges; the message says what to add."""


class Facts(NamedTuple):
    """The series of the two families.

    `edges` and `attributes`: labels (String), values (Int64), FIRST_SEEN and LAST_SEEN (Float64).
    `beyond`: the number of flows that are beyond a limit of the ledger, and in no row.
    """

    edges: pl.DataFrame
    attributes: pl.DataFrame
    beyond: int


def facts(series: Mapping[str, pl.DataFrame]) -> Facts:
    """The facts among the series of a run, a state or a worker (metric name -> series).

    Raises NoFactsError.
    """
    raise NotImplementedError
