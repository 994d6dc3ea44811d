"""The parts of an edge as texts: its ends and its port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix.cells import clean

Edge = Mapping[str, Any]
"""A row of a frame of edges, by column."""
UNLABELLED = "(no label)"
_NODES = "(nodes)"


def end_text(edge: Edge, side: str, home: str = "") -> str:
    """An end (client, server) as its name: namespace/workload, node, label or address.

    Workloads of the namespace `home` go by their name alone.
    """
    if edge[f"{side}_kind"] == "Node" and not edge[f"{side}_workload"]:
        return _NODES
    place, workload = edge[f"{side}_namespace"], edge[f"{side}_workload"]
    if workload or place:
        parts = [workload] if place == home and workload else [place, workload]
        return clean("/".join(filter(None, parts)))
    return clean(edge[f"{side}_label"] or edge[f"{side}_address"] or UNLABELLED)


def port_text(edge: Edge) -> str:
    """The port and protocol: 443/TCP, or the protocol alone where there is no port."""
    port, protocol = edge["port"], edge["protocol"]
    return clean(protocol if port is None else f"{port}/{protocol}")


def edge_text(edge: Edge) -> str:
    """An edge on a line: client -> server 443/TCP."""
    return f"{end_text(edge, 'client')} -> {end_text(edge, 'server')} {port_text(edge)}"
