"""A table as text: for a terminal, a spreadsheet, a program or a page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from matrix.tables import MatrixTable
from pipeline.diagnostics import printable

_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet take a text for a formula, in full width too."""
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


def render(table: MatrixTable, form: Form, width: int = 0, title: str = "") -> str:
    """The table as text, times in UTC; `width` bounds the lines of a terminal table (0: none).

    A title stands above terminal and Markdown tables, notes follow them and are a field of JSON;
    CSV has the rows only. What is not printable in a name shows as U+FFFD, in JSON as its number.
    """
    if form is Form.TABLE:
        above = f"{printable(title)}\n\n" if title else ""
        return above + _terminal(table, width or _WIDEST)
    if form is Form.MARKDOWN and title:
        return f"## {_escaped(printable(title))}\n\n{_markdown(table)}"
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
    text = msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"
    return "".join(c if c.isprintable() or c == "\n" else _numbered(c) for c in text)


def _numbered(letter: str) -> str:
    """A letter as JSON writes it by its number."""
    return json.dumps(letter)[1:-1]


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
            return _time(value)
        return int(value) if value.is_integer() else value
    return None if value is None else str(value)


def _time(seconds: float) -> str:
    """A time in UTC; as it is when no calendar has it."""
    try:
        stamp = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return stamp.replace("+00:00", "Z")


def _clean(cell: Cell) -> str:
    return "" if cell is None else printable(str(cell))


def _guarded(cell: Cell) -> Cell:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if not isinstance(cell, str):
        return cell
    return f"'{printable(cell)}" if cell.startswith(_FORMULA) else printable(cell)


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\|`*_<>[]" else letter for letter in text)
