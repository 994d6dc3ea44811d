"""From the answers for pairs of endpoints to the verdicts of edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import polars as pl

from policy.judge.answers import Answers, Said
from policy.judge.ends import Place
from policy.judge.tables import Tables
from policy.networkpolicy import Direction, Protocol


class Verdict(StrEnum):
    """What becomes of an edge, or of one of its ends.

    OPEN: of an end, no policy isolates it. DIFFERS: some pods of a workload, or some addresses of a
    network, are denied and some are not. UNKNOWN: what is behind an end is not known.
    """

    OPEN = "open"
    ALLOWED = "allowed"
    UNDECIDED = "undecided"
    DENIED = "denied"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


LOST = (Verdict.DENIED.value, Verdict.DIFFERS.value)
"""Verdicts by which traffic that was seen is cut off."""
VERDICTS = pl.Schema(
    {
        "edge": pl.UInt32(),
        "verdict": pl.String(),
        "egress": pl.String(),
        "ingress": pl.String(),
        "allowed_by": pl.List(pl.String()),
        "isolated_by": pl.List(pl.String()),
        "why": pl.String(),
    }
)
"""The columns of verdicts, a row for each edge, by its number in the frame of edges.

`verdict` is allowed, denied, undecided, differs or unknown; `egress` (of the client) and `ingress`
(of the server) may be open too. `allowed_by` are the rules that let some pair of endpoints
through ("namespace/name egress[0]"), `isolated_by` the policies ("namespace/name egress") that
isolate an endpoint which no rule lets through. `why` explains the verdict where these do not.
"""
_NODE = (
    "node traffic is not decided by policy: a pod's own node is let through, "
    "others where a rule has their address"
)
_PROTOCOL = "policies decide TCP, UDP and SCTP only"
_ITSELF = "a pod always reaches itself"
_FAMILY = "its ends have no common address family"


class Pairs(NamedTuple):
    """Edges as pairs of endpoints.

    `edges`: edge, protocol. `pairs`: edge, q, client_place, server_place, is_self. `lost`: edge,
    why, of ends behind which nothing is known. `places`: the endpoints by number.
    """

    edges: pl.DataFrame
    pairs: pl.DataFrame
    lost: pl.DataFrame
    places: Sequence[Place]


def by_edge(
    found: Pairs, answers: Mapping[Direction, Answers], tables: Tables
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The verdicts (VERDICTS), and the hits: edge, rule (UInt32), each once."""
    others = found.pairs.filter(~pl.col("is_self"))
    said = _said(_sized(others, found.places), answers)
    hits = pl.concat(
        [others.select("edge", "q").join(answers[one].hits, on="q") for one in Direction]
    )
    hits = hits.select("edge", "rule").unique().sort("edge", "rule")
    only_self = found.pairs.join(others, on="edge", how="anti")["edge"].unique()
    lost = found.lost.group_by("edge").agg(lost=pl.col("why").unique().sort().str.join("; "))
    rows = (
        found.edges.join(_summed(said), on="edge", how="left")
        .join(lost, on="edge", how="left")
        .join(_titled(hits, _rule_titles(tables)), on="edge", how="left")
        .join(_isolated(said, answers, tables), on="edge", how="left")
        .with_columns(is_self=pl.col("edge").is_in(only_self.implode()))
        .join(_samples(said, found.places), on="edge", how="left")
        .sort("edge")
    )
    return _worded(rows), hits


def _sized(pairs: pl.DataFrame, places: Sequence[Place]) -> pl.DataFrame:
    """With `size`: how many pairs of pods, or of parts of networks, each pair of places is."""
    sizes = pl.Series([one.size for one in places], dtype=pl.Int64)
    clients, servers = (sizes.gather(pairs[f"{side}_place"]) for side in ("client", "server"))
    return pairs.with_columns(size=clients * servers)


def _said(pairs: pl.DataFrame, answers: Mapping[Direction, Answers]) -> pl.DataFrame:
    for direction in Direction:
        side = answers[direction].said.rename({"said": direction.value.lower()})
        pairs = pairs.join(side, on="q")
    both = pl.max_horizontal("egress", "ingress")
    return pairs.with_columns(verdict=pl.max_horizontal(both, pl.lit(Said.ALLOWED, pl.Int8)))


def _summed(said: pl.DataFrame) -> pl.DataFrame:
    """The least and the worst answer of each edge, as a word."""
    return said.group_by("edge").agg(
        *(
            pl.when((pl.col(side).max() == Said.DENIED) & (pl.col(side).min() < Said.DENIED))
            .then(pl.lit(Verdict.DIFFERS.value))
            .otherwise(pl.col(side).max().replace_strict(_WORDS, return_dtype=pl.String))
            .alias(side)
            for side in ("verdict", "egress", "ingress")
        ),
        pairs=pl.col("size").sum(),
        denied=pl.col("size").filter(pl.col("verdict") == Said.DENIED).sum(),
    )


_WORDS = {said.value: said.name.lower() for said in Said}


def _isolated(
    said: pl.DataFrame, answers: Mapping[Direction, Answers], tables: Tables
) -> pl.DataFrame:
    """The policies that isolate endpoints which nothing lets through."""
    found = []
    for direction in Direction:
        side = direction.value.lower()
        kept = said.filter(pl.col(side) >= Said.UNDECIDED).select("edge", "q")
        rows = kept.join(answers[direction].isolating, on="q").select("edge", "policy").unique()
        titles = [f"{policy} {side}" for policy in tables.policies]
        found.append(_title(rows, "policy", titles))
    every = pl.concat(found)
    return every.group_by("edge").agg(isolated_by=pl.col("title").sort())


def _titled(hits: pl.DataFrame, titles: Sequence[str]) -> pl.DataFrame:
    return _title(hits, "rule", titles).group_by("edge").agg(allowed_by=pl.col("title").sort())


def _title(rows: pl.DataFrame, number: str, titles: Sequence[str]) -> pl.DataFrame:
    texts = pl.Series(titles, dtype=pl.String)
    return rows.select("edge", title=texts.gather(rows[number]))


def _rule_titles(tables: Tables) -> list[str]:
    return [f"{tables.policies[one.policy]} {one.rule}" for one in tables.parts]


def _samples(said: pl.DataFrame, places: Sequence[Place]) -> pl.DataFrame:
    """Of edges that differ, one pair of endpoints that is denied."""
    first = (
        said.group_by("edge")
        .agg(
            pl.col("client_place", "server_place").filter(pl.col("verdict") == Said.DENIED).first(),
            mixed=pl.col("verdict").min() < Said.DENIED,
        )
        .filter("mixed", pl.col("client_place").is_not_null())
    )
    texts = [
        f"{places[client].name} to {places[server].name}"
        for client, server in first.select("client_place", "server_place").iter_rows()
    ]
    return first.select("edge", sample=pl.Series(texts, dtype=pl.String))


def _worded(rows: pl.DataFrame) -> pl.DataFrame:
    differs = pl.format("{} of {} pairs are denied, for example {}", "denied", "pairs", "sample")
    undecided, lost = Verdict.UNDECIDED.value, pl.col("lost").is_not_null()
    is_lost = (pl.col("verdict").is_null() & ~pl.col("is_self")) | (
        lost & (pl.col("verdict") == undecided)
    )
    empty = pl.lit([], dtype=pl.List(pl.String))
    return rows.select(
        "edge",
        *(
            pl.when(is_lost & (pl.col(side).is_null() | (pl.col(side) == undecided)))
            .then(pl.lit(Verdict.UNKNOWN.value))
            .otherwise(pl.col(side).fill_null(pl.lit(alone)))
            .alias(side)
            for side, alone in (("verdict", "allowed"), ("egress", "open"), ("ingress", "open"))
        ),
        *(pl.col(name).fill_null(empty) for name in ("allowed_by", "isolated_by")),
        why=pl.when("is_self")
        .then(pl.lit(_ITSELF))
        .when(is_lost)
        .then(pl.col("lost").fill_null(_FAMILY))
        .when(pl.col("verdict") == Verdict.DIFFERS.value)
        .then(differs)
        .when(pl.col("verdict") != undecided)
        .then(pl.lit(""))
        .when(pl.col("protocol").is_in(list(Protocol)))
        .then(pl.lit(_NODE))
        .otherwise(pl.lit(_PROTOCOL)),
    )
