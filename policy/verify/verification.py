"""Policies held against edges: what they cover, what they would deny, what nobody uses.

An edge counts whose connections were established or whose outcome is uncertain; that an attempt or
a connection which is denied already would be denied is no loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from matrix.edges import State
from pipeline.kube.subnets import Label
from policy.ends import End
from policy.judge.evaluator import Evaluator, Judged
from policy.judge.verdicts import LOST, Verdict
from policy.networkpolicy import Direction, NetworkPolicy
from policy.objects import Cluster
from policy.parts import Reference
from policy.verify.permissions import Workloads, isolated, permissions

UNSELECTED = pl.Schema({"workload": pl.String(), "directions": pl.String()})
UNUSED = pl.Schema(
    dict.fromkeys(("policy", "rule", "direction", "own", "peer", "protocol", "port"), pl.String())
)
_NOT_NEEDED = (State.ATTEMPTED.value, State.DENIED.value)


class Coverage(NamedTuple):
    """How much of what was seen has a verdict: edges, flows and bytes (both directions)."""

    edges: int
    flows: int
    bytes: int


class Verification(NamedTuple):
    """Policies and edges held against each other.

    `edges`: an edge a row: client, server, protocol, port, state, flows, bytes, first_seen,
    last_seen, verdict, egress, ingress, allowed_by, isolated_by, why, counts (Boolean),
    network_events (String: what the network plugin said: allowed, denied, both, "" where nothing),
    policies (of these events).
    `rules`: policy, rule, edges, flows (Int64), last_seen (Float64, null where nothing hits it).
    `unused`: policy, rule, direction, own, peer, protocol, port: permissions without an edge.
    `unselected`: workload, directions (String: those in which no policy selects it).
    """

    edges: pl.DataFrame
    rules: pl.DataFrame
    unused: pl.DataFrame
    unselected: pl.DataFrame

    def coverage(self, *verdicts: Verdict) -> Coverage:
        """The edges that count and have one of these verdicts; of all edges without any."""
        rows = self.edges.filter("counts")
        if verdicts:
            rows = rows.filter(pl.col("verdict").is_in([one.value for one in verdicts]))
        return Coverage(rows.height, int(rows["flows"].sum()), int(rows["bytes"].sum()))

    def lost(self) -> pl.DataFrame:
        """The edges that count and would be denied, wholly or for some pods."""
        return self.edges.filter("counts", pl.col("verdict").is_in(LOST))

    def disagreements(self) -> pl.DataFrame:
        """The edges of which the network plugin said otherwise."""
        said, verdict = pl.col("network_events"), pl.col("verdict")
        allows = verdict == Verdict.ALLOWED.value
        return self.edges.filter(
            ((said == "denied") & allows)
            | ((said == "allowed") & (verdict == Verdict.DENIED.value))
        )


def verify(
    policies: Sequence[NetworkPolicy],
    edges: pl.DataFrame,
    cluster: Cluster,
    labels: Iterable[Label] = (),
    namespace: str = "",
) -> Verification:
    """Judge a frame of EDGES by policies; those with an end in `namespace`, if it is given."""
    edges = of_namespace(edges, namespace)
    judged = Evaluator(policies, cluster, labels).judge(edges)
    shown = described(edges).with_columns(judged.verdicts.drop("edge").get_columns())
    workloads = Workloads(cluster)
    return Verification(
        shown,
        _hits(shown, judged),
        _unused(edges, judged, cluster, workloads),
        _unselected(policies, workloads, namespace),
    )


def of_namespace(edges: pl.DataFrame, namespace: str) -> pl.DataFrame:
    """The edges that have an end in a namespace; all without one."""
    sides = [pl.col(f"{side}_namespace") == namespace for side in ("client", "server")]
    return edges.filter(sides[0] | sides[1]) if namespace else edges


def described(edges: pl.DataFrame) -> pl.DataFrame:
    """The ends of edges as words (as `str(End)` has them), and both directions added up."""
    events = (
        pl.when((pl.col("denied") > 0) & (pl.col("allowed") > 0))
        .then(pl.lit("both"))
        .when(pl.col("denied") > 0)
        .then(pl.lit("denied"))
        .when(pl.col("allowed") > 0)
        .then(pl.lit("allowed"))
        .otherwise(pl.lit(""))
    )
    return edges.select(
        "protocol",
        "port",
        "state",
        "first_seen",
        "last_seen",
        "policies",
        client=_word("client"),
        server=_word("server"),
        flows=pl.col("flows") + pl.col("reply_flows"),
        bytes=pl.col("bytes") + pl.col("reply_bytes"),
        counts=~pl.col("state").is_in(_NOT_NEEDED),
        network_events=events,
    )


def _word(side: str) -> pl.Expr:
    kind, namespace, workload, label, address = (pl.col(f"{side}_{name}") for name in End._fields)
    where = pl.when(namespace == "").then(pl.lit("")).otherwise(namespace + "/")
    return (
        pl.when(kind != "")
        .then(kind + " " + where + workload)
        .when(label != "")
        .then(label)
        .when(address != "")
        .then(address)
        .otherwise(pl.lit("unknown"))
    )


def _hits(shown: pl.DataFrame, judged: Judged) -> pl.DataFrame:
    """What each rule lets through, also rules that let nothing through."""
    tables = judged.tables
    rules = pl.DataFrame(
        [
            (number, str(tables.policies[one.policy]), str(one.rule))
            for number, one in enumerate(tables.parts)
        ],
        schema={"number": pl.UInt32, "policy": pl.String, "rule": pl.String},
        orient="row",
    )
    hits = judged.hits.rename({"rule": "number"}).join(rules, on="number")
    numbers = shown.select("flows", "last_seen").with_row_index("edge")
    sums = (
        hits.select("edge", "policy", "rule")
        .unique()
        .join(numbers, on="edge")
        .group_by("policy", "rule")
        .agg(
            edges=pl.len().cast(pl.Int64),
            flows=pl.col("flows").sum(),
            last_seen=pl.max("last_seen"),
        )
    )
    every = rules.select("policy", "rule").unique(maintain_order=True)
    found = every.join(sums, on=("policy", "rule"), how="left", maintain_order="left")
    return found.with_columns(pl.col("edges", "flows").fill_null(0))


def _unused(
    edges: pl.DataFrame, judged: Judged, cluster: Cluster, workloads: Workloads
) -> pl.DataFrame:
    """The permissions that no edge has used."""
    parts = judged.tables.parts
    permitted = permissions(judged.tables, workloads)
    hits = judged.hits.rename({"rule": "number"})
    for side in ("client", "server"):
        hits = hits.join(_workloads(edges, side, cluster), on="edge", how="left")
    is_egress = pl.Series(
        [one.rule.direction is Direction.EGRESS for one in parts], dtype=pl.Boolean
    )
    used = hits.with_columns(is_egress=is_egress.gather(hits["number"])).select(
        "number",
        own=pl.when("is_egress").then("client").otherwise("server"),
        peer=pl.when("is_egress").then("server").otherwise("client"),
    )
    exact = permitted.filter("peer_is_workload").join(
        used, on=("number", "own", "peer"), how="anti"
    )
    general = permitted.filter(~pl.col("peer_is_workload")).join(
        used, on=("number", "own"), how="anti"
    )
    rows = pl.concat([exact, general]).sort("number", "own", "peer", "protocol", "port")
    return rows.drop("number", "peer_is_workload")


def _workloads(edges: pl.DataFrame, side: str, cluster: Cluster) -> pl.DataFrame:
    """Edge, and the workload at a side (named as it), as permissions have it: the lasting one.

    A Service stands for the workloads behind it.
    """
    columns = [f"{side}_{name}" for name in Reference._fields[:2]] + [f"{side}_workload"]
    distinct = edges.select(columns).unique()
    rows = []
    for row in distinct.iter_rows():
        one = Reference(*row)
        service = cluster.services.get(one)
        pods = cluster.selected_by(service) if service else []
        names = {str(pod.workload) for pod in pods} or {str(cluster.workload_of(one))}
        rows += [(*row, name) for name in sorted(names)]
    schema = dict.fromkeys((*columns, side), pl.String)
    found = pl.DataFrame(rows, schema=schema, orient="row")
    return edges.select(columns).with_row_index("edge").join(found, on=columns).select("edge", side)


def _unselected(
    policies: Sequence[NetworkPolicy], workloads: Workloads, namespace: str
) -> pl.DataFrame:
    """The workloads (of a namespace) that no policy selects for a direction."""
    selected = isolated(policies, workloads)
    names = [direction.value.lower() for direction in Direction]
    rows = [
        (one, " and ".join(missing))
        for one in workloads.every(namespace)
        if (missing := [name for name in names if (name, one) not in selected])
    ]
    return pl.DataFrame(rows, schema=UNSELECTED, orient="row")
