"""Flows as they are after enrichment, and the facts and edges that the engine makes of them."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from matrix.derive import edges
from matrix.facts import Facts, facts
from matrix.objects import Objects
from pipeline.kube.subnets import Label
from pipeline.stage import BuildContext
from pipeline.state import count_store
from pipeline.state.ledger import Ledger
from simulate.cluster import Cluster
from simulate.scenario import records
from stages.encode_matrix import EncodeMatrix

_OWNER = {"namespace": "Namespace", "workload": "OwnerName", "kind": "OwnerType"}


def enriched(flows: pl.DataFrame, cluster: Cluster) -> pl.DataFrame:
    """Flows of the schema `scenario.FLOW` as records with objects and labels of their ends."""
    peers = cluster.frame()
    sent = records(flows, peers)
    added: dict[str, pl.Series] = {}
    for end, side in (("Src", "src"), ("Dst", "dst")):
        who = flows[side]
        for own, field in _OWNER.items():
            added[f"{end}K8S_{field}"] = peers[own].gather(who)
        added[f"{end}SubnetLabel"] = peers["label"].gather(who)
        added[f"{end}K8S_HostIP"] = peers["agent"].gather(who)
    return sent.with_columns(**added)


def counted(batches: Iterable[pl.DataFrame]) -> Facts:
    """The facts of enriched flows."""
    stage = EncodeMatrix(name="edges", follows="flows")
    encode = stage.build(BuildContext())
    ledger = Ledger({family.name: (family, stage.policy()) for family in stage.families()})
    for number, batch in enumerate(batches):
        ledger.merge(encode(batch).deltas, float(number))
    return facts(count_store.facts(ledger))


def edges_of(
    cluster: Cluster, frames: Iterable[pl.DataFrame], labels: Iterable[Label] = ()
) -> pl.DataFrame:
    """The edges of a scenario."""
    found = counted(enriched(frame, cluster) for frame in frames)
    return edges(found, Objects.of(cluster.manifests), list(labels))
