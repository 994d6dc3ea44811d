"""Small clusters, policies and edges, written as short as possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import yaml

from matrix.edges import EDGES
from policy.networkpolicy import NetworkPolicy, parse
from policy.objects import Manifest

_NAMED = {"udp": "UDP", "sctp": "SCTP"}
_NUMBERS = {name: 0 for name, dtype in EDGES.items() if dtype == pl.Int64()}


def namespace(name: str, **labels: str) -> Manifest:
    return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(
    name: str,
    *addresses: str,
    labels: Mapping[str, str] | None = None,
    ports: Mapping[str, int] | None = None,
    node: str = "",
    host: bool = False,
    owner: str = "",
    phase: str = "Running",
) -> Manifest:
    """A pod "namespace/name"; ports are TCP unless a name begins with "udp-" or "sctp-".

    `owner` is "Kind/name".
    """
    where, _, own = name.partition("/")
    kind, _, parent = owner.partition("/")
    metadata: dict[str, Any] = {"namespace": where, "name": own, "labels": dict(labels or {})}
    if owner:
        metadata["ownerReferences"] = [{"kind": kind, "name": parent, "controller": True}]
    named = [
        {
            "name": each,
            "containerPort": number,
            "protocol": _NAMED.get(each.partition("-")[0], "TCP"),
        }
        for each, number in (ports or {}).items()
    ]
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "nodeName": node,
            "hostNetwork": host,
            "containers": [{"name": "main", "ports": named}],
        },
        "status": {"phase": phase, "podIPs": [{"ip": ip} for ip in addresses]},
    }


def node(name: str, *addresses: str) -> Manifest:
    found = [{"type": "InternalIP", "address": ip} for ip in addresses]
    return {"kind": "Node", "metadata": {"name": name}, "status": {"addresses": found}}


def netpol(name: str, spec: str) -> Manifest:
    """A NetworkPolicy "namespace/name" with a spec in YAML."""
    where, _, own = name.partition("/")
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": where, "name": own},
        "spec": yaml.safe_load(spec) or {},
    }


def policy(name: str, spec: str) -> NetworkPolicy:
    return parse(netpol(name, spec))


def end(text: str) -> dict[str, str]:
    """An end of an edge: "Kind/namespace/name", "Kind//name", an address, or "label:NAME"."""
    found = dict.fromkeys(("kind", "namespace", "workload", "label", "address"), "")
    if text.startswith("label:"):
        return found | {"label": text.removeprefix("label:")}
    kind, _, rest = text.partition("/")
    if not kind.isalpha():
        return found | {"address": text}
    where, _, name = rest.partition("/")
    return found | {"kind": kind, "namespace": where, "workload": name}


def edge(
    client: str, server: str, port: int | None = 80, protocol: str = "TCP", **more: Any
) -> Any:
    """A row of EDGES: one flow of 100 bytes, established."""
    lists: dict[str, list[str]] = {
        name: [] for name, dtype in EDGES.items() if dtype == pl.List(pl.String())
    }
    return {
        **{f"client_{name}": value for name, value in end(client).items()},
        **{f"server_{name}": value for name, value in end(server).items()},
        "protocol": protocol,
        "port": port,
        **_NUMBERS,
        **lists,
        "flows": 1,
        "bytes": 100,
        "evidence": "syn",
        "state": "established",
        "first_seen": 0.0,
        "last_seen": 60.0,
        **more,
    }


def edges(*rows: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=EDGES)
