"""The edges of a drift by name, so that those of several workers can be put together.

Each worker of a group sees edges of its own partitions. What is new to any of them is new, and an
approved edge is gone when none has seen it: a maximum over the workers says both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from matrix.approved import Approved, Drift, edges_of
from matrix.edge_text import Edge, edge_text
from pipeline import limits

MOST = 1_000
"""Edges that one worker names."""
_EFFECT = "other edges are not named (drift_edge, drift_approved_seen), only counted (drift_edges)"


_Named = tuple[tuple[str, ...], float]


def differing(found: pl.DataFrame, namespaces: Sequence[str]) -> dict[tuple[str, ...], float]:
    """1 by namespace, state and edge, for those that are there and are not as approved.

    `found`: the schema `approved.DRIFT`. An edge is named for each end's namespace, of those given.
    """
    there = found.filter(pl.col("drift") != Drift.GONE.value)
    names = {
        (space, edge["drift"], edge_text(edge)): 1.0
        for edge in there.iter_rows(named=True)
        for space in _spaces(edge, namespaces)
    }
    return dict(_some(names.items()))


def seen(found: pl.DataFrame, approved: Approved) -> dict[tuple[str, ...], float]:
    """By namespace and edge, for those that shall be there: 1, or 0 for those that are gone.

    `found`: the schema `approved.DRIFT`.
    """
    missing = found.filter(pl.col("drift") == Drift.GONE.value)
    gone = set(map(edge_text, missing.iter_rows(named=True)))
    names = {
        (space, text): float(text not in gone)
        for edge in edges_of(approved).iter_rows(named=True)
        if not edge["anomalous"]
        for text in [edge_text(edge)]
        for space in _spaces(edge, approved.namespaces)
    }
    return dict(_some(names.items()))


def _spaces(edge: Edge, namespaces: Sequence[str]) -> set[str]:
    ends = {edge["client_namespace"], edge["server_namespace"]}
    return ends & set(namespaces) if namespaces else ends - {""}


def _some(
    names: Iterable[tuple[tuple[str, ...], float]],
) -> Iterator[tuple[tuple[str, ...], float]]:
    for number, name in enumerate(names):
        if number == MOST:
            limits.reached(f"{MOST:,} edges of a drift by name", _EFFECT)
            return
        yield name
