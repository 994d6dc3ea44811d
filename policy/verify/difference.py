"""Two sets of policies compared by what they say of edges, and by what they permit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from pipeline.kube.subnets import Label
from policy.judge.evaluator import Evaluator
from policy.judge.verdicts import LOST
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from policy.verify.permissions import Workloads, isolated, permissions
from policy.verify.verification import described

_KEY = ("direction", "own", "peer", "protocol", "port")


class Difference(NamedTuple):
    """What a second set of policies changes.

    `edges`: the edges whose verdict changes: client, server, protocol, port, state, flows, bytes,
    first_seen, last_seen, counts, network_events, before, after (verdicts), by (the policies that
    isolate, or the rules that allow, after the change), why.
    `isolation`: change ("isolated" or "open"), direction, workload: whose connections become a
    matter of policies, or none any more.
    `permissions`: change ("added" or "gone"), direction, own, peer, protocol, port, policies.
    """

    edges: pl.DataFrame
    isolation: pl.DataFrame
    permissions: pl.DataFrame

    def lost(self) -> pl.DataFrame:
        """The edges that count and would be denied by the second set only."""
        after, before = pl.col("after").is_in(LOST), pl.col("before").is_in(LOST)
        return self.edges.filter("counts", after & ~before)


def difference(
    before: Sequence[NetworkPolicy],
    after: Sequence[NetworkPolicy],
    edges: pl.DataFrame,
    cluster: Cluster,
    labels: Iterable[Label] = (),
) -> Difference:
    """What changes for a frame of EDGES when the second policies take the place of the first."""
    known = list(labels)
    first, second = (Evaluator(each, cluster, known).judge(edges) for each in (before, after))
    verdicts = second.verdicts
    shown = described(edges).with_columns(
        verdicts["why"],
        before=first.verdicts["verdict"],
        after=verdicts["verdict"],
        by=pl.when(verdicts["verdict"].is_in(LOST))
        .then(verdicts["isolated_by"])
        .otherwise(verdicts["allowed_by"]),
    )
    workloads = Workloads(cluster)
    old, new = (permissions(each.tables, workloads) for each in (first, second))
    return Difference(
        shown.filter(pl.col("before") != pl.col("after")),
        _isolation(isolated(before, workloads), isolated(after, workloads)),
        pl.concat([_missing(new, old, "added"), _missing(old, new, "gone")]),
    )


def _missing(here: pl.DataFrame, there: pl.DataFrame, change: str) -> pl.DataFrame:
    """The permissions that are only here, each once with the policies that give it."""
    return (
        here.join(there, on=_KEY, how="anti")
        .group_by(_KEY)
        .agg(policies=pl.col("policy").unique().sort())
        .select(pl.lit(change).alias("change"), *_KEY, "policies")
        .sort(_KEY)
    )


def _isolation(before: set[tuple[str, str]], after: set[tuple[str, str]]) -> pl.DataFrame:
    rows = [("isolated", *one) for one in sorted(after - before)]
    rows += [("open", *one) for one in sorted(before - after)]
    schema = dict.fromkeys(("change", "direction", "workload"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")
