"""A table as text: for a terminal, a spreadsheet, a program or a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from matrix.tables import MatrixTable

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_TIMES = ("first_seen", "last_seen")
_NUMBERS = ("count",)
_WIDEST = 10_000
Cell = str | int | float | None


class Form(StrEnum):
    """How a table is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def render(table: MatrixTable, form: Form, width: int = 0) -> str:
    """The table as text, times in UTC; `width` bounds the lines of a terminal table (0: none).

    Notes follow terminal and Markdown tables and are a field of JSON; CSV has the rows only.
    """
    if form is Form.TABLE:
        return _terminal(table, width or _WIDEST)
    others: dict[Form, Callable[[MatrixTable], str]] = {
        Form.CSV: _csv,
        Form.JSON: _json,
        Form.MARKDOWN: _markdown,
    }
    return others[form](table)


def _terminal(table: MatrixTable, width: int) -> str:
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in table.rows.columns:
        shown.add_column(column, justify="right" if column in _NUMBERS else "left", overflow="fold")
    for row in _cells(table):
        shown.add_row(*(Text(_clean(cell)) for cell in row))
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None)
    console.print(shown)
    for note in table.notes:
        console.print(Text(f"note: {_clean(note)}"))
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def _csv(table: MatrixTable) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.rows.columns)
    writer.writerows([_guarded(cell) for cell in row] for row in _cells(table))
    return out.getvalue()


def _json(table: MatrixTable) -> str:
    columns = table.rows.columns
    rows = [dict(zip(columns, row, strict=True)) for row in _cells(table)]
    document = {"rows": rows, "metrics": table.metrics, "notes": table.notes}
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def _markdown(table: MatrixTable) -> str:
    columns = table.rows.columns
    rule = ["---:" if column in _NUMBERS else "---" for column in columns]
    body = [[_escaped(_clean(cell)) for cell in row] for row in _cells(table)]
    lines = [f"| {' | '.join(row)} |" for row in (columns, rule, *body)]
    notes = [f"\n{_escaped(_clean(note))}" for note in table.notes]
    return "\n".join([*lines, *notes]) + "\n"


def _cells(table: MatrixTable) -> list[list[Cell]]:
    columns = table.rows.columns
    return [
        [_cell(column, value) for column, value in zip(columns, row, strict=True)]
        for row in table.rows.rows()
    ]


def _cell(column: str, value: object) -> Cell:
    if isinstance(value, float):
        if column in _TIMES:
            stamp = datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
            return stamp.replace("+00:00", "Z")
        return int(value) if value.is_integer() else value
    return None if value is None else str(value)


def _clean(cell: Cell) -> str:
    """A cell on one line; what could move a cursor shows as a mark."""
    text = "" if cell is None else str(cell)
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _guarded(cell: Cell) -> Cell:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\|`*_<>[]" else letter for letter in text)
