"""What the policies of one direction say of questions: who asks whom, at which port."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum
from typing import NamedTuple

import polars as pl

from policy.judge.tables import Compiled
from policy.networkpolicy import Direction, Protocol


class Said(IntEnum):
    """The answer for a pair of endpoints, the worst last. OPEN: no policy isolates the pod."""

    OPEN = 0
    ALLOWED = 1
    UNDECIDED = 2
    DENIED = 3


class Answers(NamedTuple):
    """Answers to questions, by their number `q` (UInt32).

    `said`: q, said (a Said). `hits`: q, rule: the rules that let it through. `isolating`: q,
    policy: the policies that isolate the pod.
    """

    said: pl.DataFrame
    hits: pl.DataFrame
    isolating: pl.DataFrame


def answer(
    questions: pl.DataFrame, direction: Direction, policies: Compiled, hosts: Collection[int]
) -> Answers:
    """The answers of one direction.

    `questions`: q, client, server (groups, UInt32), protocol (String), port (Int32). `hosts` are
    the groups of nodes and of pods on the host network.
    """
    own, peer = ("client", "server") if direction is Direction.EGRESS else ("server", "client")
    asked = questions.with_columns(own=pl.col(own), peer=pl.col(peer))
    isolating = asked.join(policies.isolating, on="own")
    hits = _matched_ports(
        _matched_peers(isolating.join(policies.rules, on="policy"), policies), policies
    )
    undefined = (
        pl.col("own").is_in(hosts)
        | pl.col("peer").is_in(hosts) & ~pl.col("hit")
        | ~pl.col("protocol").is_in(list(Protocol))
    )
    said = asked.select(
        "q",
        "own",
        "peer",
        "protocol",
        isolated=pl.col("q").is_in(isolating["q"].unique().implode()),
        hit=pl.col("q").is_in(hits["q"].unique().implode()),
    ).select(
        "q",
        said=pl.when(~pl.col("isolated"))
        .then(pl.lit(Said.OPEN))
        .when(undefined)
        .then(pl.lit(Said.UNDECIDED))
        .when("hit")
        .then(pl.lit(Said.ALLOWED))
        .otherwise(pl.lit(Said.DENIED))
        .cast(pl.Int8),
    )
    return Answers(said, hits.select("q", "rule").unique(), isolating.select("q", "policy"))


def _matched_peers(candidates: pl.DataFrame, policies: Compiled) -> pl.DataFrame:
    """The candidates (a question and a rule) whose rule has the peer."""
    every = candidates.filter("any_peer")
    some = candidates.filter(~pl.col("any_peer"))
    return pl.concat([every, some.join(policies.peers, on=("rule", "peer"), how="semi")])


def _matched_ports(candidates: pl.DataFrame, policies: Compiled) -> pl.DataFrame:
    """The candidates whose rule has the port."""
    every = candidates.filter("any_port")
    some = candidates.filter(~pl.col("any_port"))
    numbered = some.join(policies.ports, on=("rule", "protocol")).filter(
        pl.col("port").is_between("first", "last")
    )
    named = some.join(policies.named, on=("rule", "server", "protocol", "port"), how="semi")
    return pl.concat([frame.select("q", "rule") for frame in (every, numbered, named)])
