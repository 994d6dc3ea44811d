"""Tables of edges on a terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.text import Text

from matrix.cells import bytes_text, clean, number_text, time_text
from matrix.edge_text import Edge, end_text, port_text
from pipeline.cli.screen import Column, fits, fitting

_WIDEST, _NARROW = 10_000, 120
_COLUMNS = {
    "client": Column("client", text=True),
    "server": Column("server", text=True),
    "port": Column("port"),
    "state": Column("state", text=True, rank=1),
    "bytes": Column("bytes", rank=2),
    "flows": Column("flows", rank=4),
    "opened": Column("opened", rank=3),
    "accepted": Column("accepted", rank=6),
    "refused": Column("refused", rank=8),
    "dropped": Column("dropped", rank=9),
    "evidence": Column("evidence", text=True, rank=7),
    "services": Column("through", text=True, rank=5),
    "last_seen": Column("last seen", text=True, rank=10),
    "first_seen": Column("first seen", text=True, rank=11),
    "policies": Column("policies", text=True, rank=12),
    "dns_names": Column("DNS names", text=True, rank=13),
    "tls_versions": Column("TLS", text=True, rank=14),
}
_EVIDENCE = ("evidence", "opened", "accepted")
_OFTEN_EMPTY = ("refused", "dropped", "services", "policies", "dns_names", "tls_versions")
"""Columns that are shown only where a row has something in them."""


def edges_on_screen(
    edges: pl.DataFrame, width: int = 0, title: str = "", home: str = "", *, evidence: bool = False
) -> str:
    """Edges for a terminal of `width` columns (0: of any).

    Ends in the namespace `home` go by their workload, and nodes on a narrow terminal by the first
    part of their name, where that tells them apart. With `evidence`, the columns that say how an
    edge is known stay whatever the width.
    """
    shown = _with_short_nodes(edges) if 0 < width <= _NARROW else edges
    rows = [_cells(edge, home) for edge in shown.iter_rows(named=True)]
    names = [name for name in _COLUMNS if name not in _OFTEN_EMPTY or _any(rows, name)]
    columns = {name: _COLUMNS[name] for name in names}
    if evidence:
        columns |= {name: columns[name]._replace(rank=0) for name in _EVIDENCE}
    return drawn(
        list(columns.values()), [[row[name] for name in names] for row in rows], width, title
    )


def summary_on_screen(summary: pl.DataFrame, width: int = 0) -> str:
    """Namespace by namespace, as a square of edges where it fits, else a line for each pair."""
    clients = summary["client"].unique().sort().to_list()
    servers = summary["server"].unique().sort().to_list()
    held = {(row["client"], row["server"]): row["edges"] for row in summary.iter_rows(named=True)}
    columns = [Column("edges from \\ to", text=True), *(Column(clean(name)) for name in servers)]
    square = [
        [clean(client), *(number_text(held.get((client, server), 0)) for server in servers)]
        for client in clients
    ]
    square = [["·" if cell == "0" else cell for cell in row] for row in square]
    if len(servers) > 1 and _room(columns, square) <= (width or _WIDEST):
        return drawn(columns, square, width)
    named = ["edges", "flows", "bytes"]
    listed = [Column("client", text=True), Column("server", text=True), *map(Column, named)]
    lines = [
        [
            *(clean(row["client"]), clean(row["server"])),
            *(number_text(row["edges"]), number_text(row["flows"]), bytes_text(row["bytes"])),
        ]
        for row in summary.sort("edges", descending=True).iter_rows(named=True)
    ]
    return drawn(listed, lines, width)


def drawn(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int = 0, title: str = ""
) -> str:
    """A table as text, its title above."""
    out = io.StringIO()
    console = Console(file=out, width=width or _WIDEST, color_system=None)
    if title:
        console.print(Text(f"{clean(title)}\n"))
    shown = fits(columns, rows, width or _WIDEST, fold=True)
    body = [[row[number] for number in shown] for row in rows]
    console.print(fitting([columns[n] for n in shown], body, width or _WIDEST, fold=True))
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def _with_short_nodes(edges: pl.DataFrame) -> pl.DataFrame:
    ends = ("client", "server")
    nodes = [edges.filter(pl.col(f"{end}_kind") == "Node")[f"{end}_workload"] for end in ends]
    names = pl.concat(nodes).unique()
    short = names.str.split(".").list.first()
    if short.n_unique() < len(names):
        return edges
    return edges.with_columns(
        pl.when(pl.col(f"{end}_kind") == "Node")
        .then(pl.col(f"{end}_workload").replace(names, short))
        .otherwise(f"{end}_workload")
        .alias(f"{end}_workload")
        for end in ends
    )


def _cells(edge: Edge, home: str) -> dict[str, str]:
    cells = {
        "client": end_text(edge, "client", home),
        "server": end_text(edge, "server", home),
        "port": port_text(edge),
        "state": clean(edge["state"]),
        "bytes": bytes_text(edge["bytes"] + edge["reply_bytes"]),
        "flows": number_text(edge["flows"] + edge["reply_flows"]),
        "opened": number_text(edge["attempted"]),
        "evidence": clean(edge["evidence"]),
    }
    cells |= {name: number_text(edge[name]) for name in ("accepted", "refused", "dropped")}
    cells |= {n: clean(edge[n]) for n in ("services", "policies", "dns_names", "tls_versions")}
    return cells | {name: _time(edge[name]) for name in ("first_seen", "last_seen")}


def _time(seconds: float | None) -> str:
    return "" if seconds is None else time_text(seconds)


def _any(rows: Sequence[dict[str, str]], name: str) -> bool:
    return any(row[name] not in {"", "0"} for row in rows)


def _room(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> int:
    """The columns of a terminal that a table takes."""
    sizes = [max(map(len, [c.title, *(row[n] for row in rows)])) for n, c in enumerate(columns)]
    return sum(sizes) + 2 * len(sizes)
