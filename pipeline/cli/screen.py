"""Tables for a terminal of any width: a row is a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from rich.table import Table
from rich.text import Text

from pipeline.diagnostics import printable

_GAP, _LEAST = 2, 4


class Column(NamedTuple):
    """A column; where not all have room, those of the highest `rank` are left out first.

    Those of rank 0 stay. A text stands left, a number right; only texts are cut.
    """

    title: str
    text: bool = False
    rank: int = 0


def fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Table:
    """The table, with the columns for which a screen of this width has room."""
    sizes = [
        max(len(column.title), *(len(row[number]) for row in rows), 0)
        for number, column in enumerate(columns)
    ]
    shown = _shown(columns, sizes, width)
    over = _width(sizes, shown) - width
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    for number in shown:
        column, size = columns[number], sizes[number]
        if column.text and over > 0:
            size = max(_LEAST, size - over)
            over -= sizes[number] - size
        justify: Literal["left", "right"] = "left" if column.text else "right"
        table.add_column(
            column.title, justify=justify, no_wrap=True, overflow="ellipsis", width=size
        )
    for row in rows:
        table.add_row(*(Text(printable(row[number])) for number in shown))
    return table


def _shown(columns: Sequence[Column], sizes: Sequence[int], width: int) -> list[int]:
    """The numbers of the columns that have room."""
    shown = list(range(len(columns)))
    while _width(sizes, shown) > width:
        last = max(shown, key=lambda number: columns[number].rank)
        if not columns[last].rank:
            break
        shown.remove(last)
    return shown


def _width(sizes: Sequence[int], shown: Sequence[int]) -> int:
    return sum(sizes[number] + _GAP for number in shown) - _GAP
