"""The views about a little cluster, answered once before anybody asks.

Whatever Python and its libraries keep from the first time that they do something (imported modules,
types that were met) is small, and stays. Made among the objects of a large answer, it would hold on
to the arenas of all of these: a draft for 10,000 pods left 12 of its 17 MB for good, and leaves 3.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from discovery.asked import QUESTIONS
from discovery.ranges import RANGES
from matrix.edges import EDGES
from page import completeness, matrix, peers, policy, table
from page.source import Seen
from pipeline.api.answer import document
from pipeline.flows.compressed import Compressed
from pipeline.heap import give_back
from policy.objects import Manifest


def rehearse() -> None:
    """Answer what the views ask for, a fraction of a second."""
    seen = shop()
    answers = [
        table.table(seen, None, {"namespace": "shop"}),
        matrix.matrix(seen, None, matrix.Asked(namespace="shop")),
        policy.page(seen, policy.Asked(namespace="shop")),
        completeness.page(seen, completeness.Asked(namespace="shop")),
        peers.peers(seen, RANGES.to_frame(), peers.Peers()),
    ]
    for one in answers:
        document(one).kept()
    give_back()


def shop() -> Seen:
    """`web` asks `db`, and is asked from outside."""
    rows = [
        edge("client_label", "Visitors", server="web", port=443),
        edge("client_address", "192.0.2.1", server="web", port=443),
        edge("client_workload", "web", server="db", port=5432),
        edge("client_workload", "web", server="db", port=5433, state="attempted"),
    ]
    there = [one for name in ("web", "db") for one in objects(name)]
    edges = Compressed(pl.DataFrame(rows, schema=EDGES))
    return Seen(edges, QUESTIONS.to_frame(), manifests=there)


def edge(
    client: str, name: str, *, server: str, port: int, state: str = "established"
) -> dict[str, Any]:
    """A row of EDGES; `client` is the column that says who the client is."""
    empty: dict[pl.DataType, object] = {pl.String(): "", pl.Int64(): 1, pl.Float64(): 0.0}
    row = {column: empty.get(dtype, []) for column, dtype in EDGES.items()}
    row |= {"server_kind": "Deployment", "server_namespace": "shop", "server_workload": server}
    row |= {client: name, "protocol": "TCP", "port": port, "evidence": "syn", "state": state}
    if client == "client_workload":
        row |= {"client_kind": "Deployment", "client_namespace": "shop"}
    return row


def objects(name: str) -> list[Manifest]:
    """A Deployment with a pod."""
    labels = {"app": name}
    owner = {"kind": "Deployment", "name": name, "controller": True}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}
    pod = {"name": f"{name}-1", "namespace": "shop", "labels": labels, "ownerReferences": [owner]}
    return [
        {"kind": "Deployment", "metadata": {"name": name, "namespace": "shop"}, "spec": spec},
        {"kind": "Pod", "metadata": pod, "spec": {}, "status": {"podIP": "192.0.2.2"}},
    ]
