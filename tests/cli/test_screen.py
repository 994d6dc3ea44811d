"""Tables on terminals of 80 and 200 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipeline.cli.screen import Column, fitting

COLUMNS = (
    *(Column("name", text=True), Column("number"), Column("more", rank=1)),
    Column("worker", text=True, rank=2),
)
ROWS = [("n" * 30, "1,234,567", "9" * 20, "w" * 30), ("b", "1", "2", "c")]


def shown(width: int) -> list[str]:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(fitting(COLUMNS, ROWS, width))
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (200, ["name", "number", "more", "worker"]),
        (95, ["name", "number", "more", "worker"]),
        (94, ["name", "number", "more"]),
        (80, ["name", "number", "more"]),
        (62, ["name", "number"]),
        (20, ["name", "number"]),
    ],
)
def test_what_has_no_room_is_left_out_by_rank(width: int, titles: list[str]) -> None:
    """A row is a line, and a number is never cut."""
    head, *rows = shown(width)
    assert head.split() == titles
    assert len(rows) == len(ROWS)
    assert all(len(line) <= width for line in (head, *rows))
    assert "1,234,567" in rows[0]


def test_a_text_that_has_no_room_is_cut() -> None:
    assert shown(30)[1].startswith("nnnnnnnn")
    assert "…" in shown(30)[1]


def test_a_title_is_text_and_no_markup() -> None:
    """Names of namespaces are titles of `matrix --summary`."""
    out = io.StringIO()
    Console(file=out, width=80).print(fitting([Column("[/x]\x1b", text=True)], [["a"]], 80))
    assert out.getvalue().split("\n")[0].rstrip() == "[/x]\N{REPLACEMENT CHARACTER}"
