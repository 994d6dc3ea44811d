"""Flows as they are after enrichment, and the facts and edges that the engine makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import polars as pl

from matrix.derive import edges
from matrix.facts import Facts, facts
from matrix.objects import Objects
from pipeline.kube.subnets import Label
from pipeline.stage import BuildContext
from pipeline.stage.days import SECONDS, SPAN
from pipeline.stage.edge_facts import EDGES, END
from pipeline.state import count_store
from pipeline.state.ledger import Ledger
from simulate.cluster import Cluster
from simulate.edges import TRUTH
from simulate.scenario import records
from stages.encode_matrix import EncodeMatrix

_OWNER = {"namespace": "Namespace", "workload": "OwnerName", "kind": "OwnerType"}
_PORTS = dict.fromkeys(("port", "client_port"), pl.Int32())
_SEEN = dict.fromkeys(("first_seen", "last_seen"), pl.Float64())
FACTS = pl.Schema(
    {
        **dict.fromkeys(EDGES.labels, pl.String()),
        **_PORTS,
        **{name: pl.Int64() for name, _ in EDGES.facts},
        **_SEEN,
    }
)
"""The columns of `Facts.edges`."""


def enriched(flows: pl.DataFrame, cluster: Cluster) -> pl.DataFrame:
    """Flows of the schema `scenario.FLOW` as records with objects and labels of their ends."""
    peers = cluster.frame()
    added: dict[str, pl.Series] = {}
    for end_, side in (("Src", "src"), ("Dst", "dst")):
        who = flows[side]
        for own, field in _OWNER.items():
            added[f"{end_}K8S_{field}"] = peers[own].gather(who)
        added[f"{end_}SubnetLabel"] = peers["label"].gather(who)
        added[f"{end_}K8S_HostIP"] = peers["agent"].gather(who)
    return records(flows, peers).with_columns(**added)


def counted(batches: Iterable[pl.DataFrame], **options: int) -> Facts:
    """The facts of enriched flows, from a stage with these options."""
    stage = msgspec.convert(
        {"type": "encode_matrix", "name": "edges", "follows": "flows", **options}, EncodeMatrix
    )
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


def as_truth(found: pl.DataFrame) -> pl.DataFrame:
    """What is known of the edges of a simulation (`simulate.edges.TRUTH`), in its order."""
    established = (pl.col("state") == "established").alias("established")
    return found.with_columns(established).select(TRUTH.names()).sort(TRUTH.names()[:12])


def end(text: str) -> dict[str, str]:
    """An end in short: "Deployment/shop/web", "Node//n1", "label:partner", or an address."""
    found = dict.fromkeys(END, "")
    if text.startswith("label:"):
        return found | {"label": text.removeprefix("label:")}
    if text.count("/") == 2:
        return found | dict(zip(END[:3], text.split("/"), strict=True))
    return found | {"address": text}


def ends(client: str, server: str) -> dict[str, str]:
    """The columns of both ends."""
    sides = {"client": end(client), "server": end(server)}
    return {f"{side}_{name}": text for side, one in sides.items() for name, text in one.items()}


def fact(client: str, server: str, port: int | None = None, **more: Any) -> dict[str, Any]:
    """A row of `Facts.edges`; `ports` are the least and the largest port of the client."""
    low, high = more.pop("ports", (None, None))
    row: dict[str, Any] = ends(client, server) | {"protocol": "TCP", "port": port}
    row |= {"client_port": None, "reporter": "client", "evidence": "syn"}
    row |= {name: 0 for name, _ in EDGES.facts} | {"sampling_max": None, "began": None}
    row |= {"client_port_min": low, "client_port_max": high}
    row |= {"first_seen": 100.0, "last_seen": 200.0}
    assert more.keys() <= row.keys()
    return row | more


def on_days(*numbers: int) -> dict[str, Any]:
    """What a row of `Facts.edges` that was seen on these days (since 1970) has of them."""
    bits = sum(1 << number % SPAN for number in numbers)
    times = {"first_seen": min(numbers) * SECONDS, "last_seen": max(numbers) * SECONDS}
    return {"days": bits} | {name: float(time) for name, time in times.items()}


def edge_facts(*rows: dict[str, Any]) -> pl.DataFrame:
    """The rows as `Facts.edges`."""
    return pl.DataFrame(list(rows), schema=FACTS)


def shown(found: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """Client and server in short (name, label or address), port, and these columns, sorted."""
    names = [
        pl.coalesce(
            pl.col(f"{side}_{part}").replace("", None) for part in ("workload", "label", "address")
        ).alias(side)
        for side in ("client", "server")
    ]
    return sorted(found.select(*names, "port", *columns).rows(), key=str)
