"""A table on a terminal: what fits its width, the least important columns left out first."""

from __future__ import annotations

import io
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from matrix.cells import clean, number_text, time_text
from matrix.tables import MatrixTable
from pipeline.cli.screen import Column, fits, fitting

_WIDEST = 10_000
_COLUMNS = {
    "namespace": Column("namespace", text=True),
    "workload": Column("workload", text=True),
    "kind": Column("kind", text=True, rank=3),
    "port": Column("port"),
    "peer": Column("peer", text=True),
    "peer_kind": Column("peer kind", text=True, rank=1),
    "peer_subnet_label": Column("subnet label", text=True, rank=2),
    "count": Column("count"),
    "evidence": Column("evidence", text=True, rank=4),
    "first_seen": Column("first seen", text=True, rank=6),
    "last_seen": Column("last seen", text=True, rank=5),
}
_SERVICE = "Service"
_NAMES = {"workload": "kind", "peer": "peer_kind"}
_UNLABELLED = "(no label)"


def on_screen(table: MatrixTable, width: int = 0) -> str:
    """The table for a terminal of `width` columns (0: of any), its title above, its notes below.

    The peer is its namespace and name, or its subnet label where it has no name. Where the column
    of a kind has no room, a Service is named as one: its workloads may have the same name.
    """
    shown = [name for name in _COLUMNS if name in table.rows.columns or name == "peer"]
    columns = [_COLUMNS[name] for name in shown]
    cells = [_cells(row) for row in table.rows.iter_rows(named=True)]
    body = [[row[name] for name in shown] for row in cells]
    there = {shown[number] for number in fits(columns, body, width or _WIDEST, fold=True)}
    for row in cells:
        for name, kind in _NAMES.items():
            if kind not in there and row[kind] == _SERVICE:
                row[name] += f" ({_SERVICE})"
    body = [[row[name] for name in shown if name in there] for row in cells]
    columns = [_COLUMNS[name] for name in shown if name in there]
    out = io.StringIO()
    console = Console(file=out, width=width or _WIDEST, color_system=None)
    if table.title:
        console.print(Text(f"{clean(table.title)}\n"))
    console.print(fitting(columns, body, width or _WIDEST, fold=True))
    for note in table.notes:
        console.print(Text(f"note: {clean(note)}"))
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def _cells(row: Mapping[str, object]) -> dict[str, str]:
    """The texts of a row by column."""
    cells = {name: clean(str(value)) for name, value in row.items() if value is not None}
    for name in ("first_seen", "last_seen"):
        if isinstance(seconds := row.get(name), float):
            cells[name] = time_text(seconds)
    if isinstance(count := row.get("count"), float):
        cells["count"] = number_text(count)
    place, name = cells.get("peer_namespace", ""), cells.get("peer_workload", "")
    label = cells.get("peer_subnet_label") or _UNLABELLED
    cells["peer"] = "/".join(filter(None, (place, name))) or label
    return dict.fromkeys(_COLUMNS, "") | cells
