"""What the ledger has counted about edges: facts, which leave open who the server is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from pipeline.stage import FIRST_SEEN, LAST_SEEN
from pipeline.stage.edge_facts import ATTRIBUTES, CLIENT_PORT, EDGES, EVIDENCE, PORT
from pipeline.state.series_rows import OVERFLOW, columns


class NoFactsError(LookupError):
    """There are no facts about edges; the message says what to add."""


class Facts(NamedTuple):
    """The series of the two families.

    `edges`: the labels (String; the ports Int32, null without one) and facts (Int64) of
    `edge_facts.EDGES`, first_seen and last_seen (Float64). `attributes`: the same of ATTRIBUTES.
    `beyond`: the number of flows that are beyond a limit of the ledger, and in no row.
    """

    edges: pl.DataFrame
    attributes: pl.DataFrame
    beyond: int

    @property
    def reported(self) -> int:
        """The flows of all rows, as the agents reported them."""
        return int(self.edges.select(pl.sum("flows") + pl.sum("reply_flows")).item())


def facts(series: Mapping[str, pl.DataFrame]) -> Facts:
    """The facts among the series of a run, a state or workers (family name -> series).

    Raises NoFactsError.
    """
    if EDGES.name not in series:
        raise NoFactsError("no edges are counted: add a stage of type encode_matrix")
    found = _typed(series[EDGES.name], CLIENT_PORT, PORT)
    beyond = found.filter(pl.col(EVIDENCE) == OVERFLOW)
    attributes = series.get(ATTRIBUTES.name)
    if attributes is None:
        types = dict.fromkeys(ATTRIBUTES.labels, pl.String()) | columns(ATTRIBUTES)
        attributes = pl.DataFrame(schema=types)
    return Facts(
        found.filter(pl.col(EVIDENCE) != OVERFLOW),
        _typed(attributes, PORT),
        int(beyond.select(pl.sum("flows") + pl.sum("reply_flows")).item()),
    )


def _typed(series: pl.DataFrame, *ports: str) -> pl.DataFrame:
    numbers = [pl.col(port).cast(pl.Int32, strict=False) for port in ports]
    names = {FIRST_SEEN: "first_seen", LAST_SEEN: "last_seen"}
    return series.with_columns(numbers).rename(names)
