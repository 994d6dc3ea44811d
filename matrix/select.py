"""Edges by question: filtered, collapsed, and summed up by namespace."""

from __future__ import annotations

from enum import StrEnum

import polars as pl


class Only(StrEnum):
    """Which edges to keep."""

    ESTABLISHED = "established"
    ATTEMPTED = "attempted"
    DENIED = "denied"
    UNCERTAIN = "uncertain"
    UNLABELLED = "unlabelled"


class Collapse(StrEnum):
    """Which ends become one."""

    NODES = "nodes"
    WORKLOADS = "workloads"
    NAMESPACES = "namespaces"


def select(
    edges: pl.DataFrame,
    *,
    between: tuple[str, str] | None = None,
    peer: str = "",
    port: int | None = None,
    since: float | None = None,
    until: float | None = None,
    only: Only | None = None,
) -> pl.DataFrame:
    """The edges that fit all conditions.

    `between`: one end fits the first text, and the other end the second one. `peer`: one end fits.
    A text is a namespace ("shop"), a workload ("shop/web"), a label, an address or a CIDR.
    `since`, `until` (epoch seconds): a flow of the edge was in between.
    """
    raise NotImplementedError


def collapse(edges: pl.DataFrame, what: Collapse) -> pl.DataFrame:
    """Edges with the ends that differ only in their node, workload or namespace made one.

    `nodes`: all nodes are one end, called "(6 nodes)"; `workloads`: all workloads of a namespace
    are, with the workload ""; `namespaces`: everything inside the cluster is by namespace, and
    everything outside of it is by label, or one end without a label; ports are null.
    """
    raise NotImplementedError


def summary(edges: pl.DataFrame) -> pl.DataFrame:
    """Namespace by namespace: client, server (String), edges, flows, bytes (Int64), and states.

    An end outside is "(label)" or "(unlabelled)", a node is "(nodes)". Sorted by client and server.
    """
    raise NotImplementedError
