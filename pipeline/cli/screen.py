"""Tables for a terminal of any width: a row is a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from pipeline.diagnostics import printable

_GAP, _LEAST, _USUAL = 2, 4, 12
_MARKS = " /.-"
"""Letters of names behind which a line may end."""


class Column(NamedTuple):
    """A column; where not all have room, those of the highest `rank` are left out first.

    Those of rank 0 stay. A text stands left, a number right; only texts are cut.
    """

    title: str
    text: bool = False
    rank: int = 0


def fitting(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, *, fold: bool = False
) -> Table:
    """The table, with the columns for which a screen of this width has room.

    With `fold`, a text that has no room goes on in the next line and nothing of it is lost; then a
    text wider than half the screen keeps no other column away.
    """
    shown = fits(columns, rows, width, fold=fold)
    room = _narrowed(columns, rows, shown, width)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    for number in shown:
        justify: Literal["left", "right"] = "left" if columns[number].text else "right"
        table.add_column(
            Text(printable(columns[number].title)),
            justify=justify,
            no_wrap=True,
            overflow="ellipsis",
            width=room[number],
        )
    for row in rows:
        cells = [printable(row[number]) for number in shown]
        if fold:
            cells = [folded(c, room[n]) for c, n in zip(cells, shown, strict=True)]
        table.add_row(*map(Text, cells))
    return table


def fits(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, *, fold: bool = False
) -> list[int]:
    """The numbers of the columns that `fitting` shows."""
    sizes = _sizes(columns, rows)
    if fold:
        pairs = zip(columns, sizes, strict=True)
        sizes = [min(size, width // 2) if column.text else size for column, size in pairs]
    shown = list(range(len(columns)))
    while _width(sizes, shown) > width:
        last = max(shown, key=lambda number: columns[number].rank)
        if not columns[last].rank:
            break
        shown.remove(last)
    return shown


def folded(text: str, width: int) -> str:
    """A text in lines of at most `width`, cut behind a blank, `/`, `.` or `-` where it has one."""
    lines = []
    while cell_len(text) > width:
        head = set_cell_size(text, width).rstrip()
        cut = max(head.rfind(mark) for mark in _MARKS) + 1
        at = cut if 2 * cut > width else len(head)
        lines.append(text[:at])
        text = text[at:]
    return "\n".join([*lines, text])


def _narrowed(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], shown: Sequence[int], width: int
) -> list[int]:
    """The widths of columns; where they have no room, the text gives way that is cut least often.

    Where no text alone can give enough, the widest gives way first.
    """
    room = _sizes(columns, rows)
    over = max(0, _width(room, shown) - width)
    texts = [number for number in shown if columns[number].text]

    def cut(number: int) -> int:
        return sum(cell_len(printable(row[number])) > room[number] - over for row in rows)

    able = [number for number in texts if room[number] - over >= _USUAL]
    if able:
        room[min(able, key=cut)] -= over
        return room
    for _ in range(over):
        widest = max(texts, key=room.__getitem__, default=None)
        if widest is None or room[widest] <= _LEAST:
            break
        room[widest] -= 1
    return room


def _sizes(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """The widths that the columns would take."""
    return [
        max(len(column.title), *(cell_len(printable(row[number])) for row in rows), 0)
        for number, column in enumerate(columns)
    ]


def _width(sizes: Sequence[int], shown: Sequence[int]) -> int:
    return sum(sizes[number] + _GAP for number in shown) - _GAP
