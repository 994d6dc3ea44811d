"""Tables as text: for a terminal, a spreadsheet, a program or a page.

In every form, what is not printable in a name shows as U+FFFD (in JSON as its number), times are in
UTC, and ports and counts are numbers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec
import polars as pl

from matrix.cells import TIMES, Cell, clean, time_text
from matrix.screen import on_screen
from matrix.tables import COLUMNS, MatrixTable
from pipeline.diagnostics import printable

_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet take a text for a formula, in full width too."""


class Form(StrEnum):
    """How a table is printed; dot and jsonl are for edges alone."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"
    DOT = "dot"
    JSONL = "jsonl"


def render(
    tables: Sequence[MatrixTable], form: Form, width: int = 0, about: Sequence[str] = ()
) -> str:
    """The tables as one text; `width` bounds the lines for a terminal (0: none).

    JSON is one document, CSV one table: both have namespace and direction as columns. CSV has no
    place for notes: whoever prints it says them elsewhere. On a terminal and in Markdown each table
    has a title above and its notes below. `about` are notes on all of them.
    """
    if form is Form.TABLE:
        shown = "\n".join(on_screen(table, width) for table in tables)
        return shown + "".join(f"\nnote: {clean(note)}\n" for note in about)
    if form is Form.MARKDOWN:
        return "\n".join([*map(_markdown, tables), *(f"{_escaped(note)}\n" for note in about)])
    rows = _as_one(tables)
    if form is Form.CSV:
        return csv_text(rows)
    metrics = dict.fromkeys(name for table in tables for name in table.metrics)
    document = {"unit": "flows", "metrics": list(metrics), "notes": notes(tables, about)}
    return json_text(document, rows)


def notes(tables: Sequence[MatrixTable], about: Sequence[str] = ()) -> list[str]:
    """What a reader should know: `about` all tables, and about each, which says so if several."""
    several = len(tables) > 1
    own = [(table.title if several else "", note) for table in tables for note in table.notes]
    return [*about, *(f"{title}: {note}" if title else note for title, note in own)]


def csv_text(rows: pl.DataFrame) -> str:
    """Rows for a spreadsheet; a text that it would run as a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(guarded, rows.columns))
    writer.writerows([guarded(cell) for cell in row] for row in _cells(rows))
    return out.getvalue()


def json_text(document: Mapping[str, object], rows: pl.DataFrame) -> str:
    """A document with the rows as its last entry, an object each."""
    named = [dict(zip(rows.columns, row, strict=True)) for row in _cells(rows)]
    text = msgspec.json.format(msgspec.json.encode({**document, "rows": named})).decode() + "\n"
    return safe_json(text)


def safe_json(text: str) -> str:
    """JSON with everything but lines and what is printable written by its number."""
    return "".join(c if c.isprintable() or c == "\n" else _numbered(c) for c in text)


def markdown_text(rows: pl.DataFrame) -> str:
    """Rows as a table of a page."""
    rule = ["---:" if dtype.is_numeric() else "---" for dtype in _shown_types(rows)]
    body = [[_escaped(clean(cell)) for cell in row] for row in _cells(rows)]
    lines = [f"| {' | '.join(row)} |" for row in (rows.columns, rule, *body)]
    return "\n".join(lines) + "\n"


def _as_one(tables: Sequence[MatrixTable]) -> pl.DataFrame:
    """The rows of all tables, under namespace and direction."""
    if not tables:
        return pl.DataFrame(schema=["namespace", "direction", *COLUMNS])
    parts = []
    for table in tables:
        about = {"namespace": table.namespace, "direction": table.direction}
        own = [pl.lit(v).alias(k) for k, v in about.items() if k not in table.rows.columns]
        parts.append(table.rows.select(*own, pl.all()))
    named = any(part.schema["port"] == pl.String for part in parts)
    dtype = pl.String() if named else pl.Int64()
    return pl.concat([part.with_columns(pl.col("port").cast(dtype)) for part in parts])


def _markdown(table: MatrixTable) -> str:
    title = f"## {_escaped(printable(table.title))}\n\n" if table.title else ""
    below = "".join(f"\n{_escaped(clean(note))}\n" for note in table.notes)
    return title + markdown_text(table.rows) + below


def _shown_types(rows: pl.DataFrame) -> list[pl.DataType]:
    """The types of the cells: a time is a text."""
    return [pl.String() if name in TIMES else dtype for name, dtype in rows.schema.items()]


def _numbered(letter: str) -> str:
    """A letter as JSON writes it by its number."""
    return json.dumps(letter)[1:-1]


def _cells(rows: pl.DataFrame) -> list[list[Cell]]:
    return [
        [_cell(column, value) for column, value in zip(rows.columns, row, strict=True)]
        for row in rows.rows()
    ]


def _cell(column: str, value: object) -> Cell:
    if isinstance(value, float):
        if column in TIMES:
            return time_text(value)
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [str(item) for item in value]
    return value if value is None or isinstance(value, int) else str(value)


def guarded(cell: Cell) -> Cell:
    """A cell for a spreadsheet, which takes no text for a formula."""
    if isinstance(cell, list):
        cell = clean(cell)
    if not isinstance(cell, str):
        return cell
    return f"'{printable(cell)}" if cell.startswith(_FORMULA) else printable(cell)


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\|`*_<>[]" else letter for letter in text)
