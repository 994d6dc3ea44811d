"""Proposals in an order in which each names what it is meant to: the first label wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter

import msgspec
import polars as pl

from discovery import networks
from discovery.proposals import Proposal


def arranged(proposals: Sequence[Proposal]) -> list[Proposal]:
    """The proposals so that no network comes after one around it that has another name.

    Otherwise, those that open fewer addresses come first. A CIDR that two of them have stays with
    the first. Where names are inside each other both ways, each CIDR becomes an entry of its own.
    """
    distinct = list(_distinct(sorted(proposals, key=lambda one: (one.opened, one.name))))
    sorter = TopologicalSorter({number: set[int]() for number in range(len(distinct))})
    for inner, outer in _nested(distinct):
        sorter.add(outer, inner)
    try:
        return [distinct[number] for number in sorter.static_order()]
    except CycleError:
        return sorted(_split(distinct), key=lambda one: (one.opened, one.name))


def _distinct(proposals: Iterable[Proposal]) -> Iterable[Proposal]:
    taken: set[str] = set()
    for one in proposals:
        own = [cidr for cidr in one.cidrs if cidr not in taken]
        taken.update(own)
        if own:
            yield _with(one, own)


def _nested(proposals: Sequence[Proposal]) -> list[tuple[int, int]]:
    """The numbers of two proposals where a network of the first is inside one of the second."""
    rows = [(number, cidr) for number, one in enumerate(proposals) for cidr in one.cidrs]
    listed = pl.DataFrame(rows, {"number": pl.Int64(), "cidr": pl.String()}, orient="row")
    known = listed.join(networks.numbered(listed["cidr"]).drop("text"), on="cidr").drop("cidr")
    pairs = networks.containing(known, known.rename({"number": "around"}))
    others = pairs.filter(pl.col("number") != pl.col("around"))
    return others.select("number", "around").unique().sort("number", "around").rows()


def _split(proposals: Iterable[Proposal]) -> Iterable[Proposal]:
    for one in proposals:
        yield from (_with(one, [cidr]) for cidr in one.cidrs)


def _with(one: Proposal, cidrs: list[str]) -> Proposal:
    return msgspec.structs.replace(one, cidrs=cidrs, opened=networks.size(cidrs))
