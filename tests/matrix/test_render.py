"""Tables as text."""

from __future__ import annotations

import csv
import io
import json

import polars as pl
import pytest

from matrix.render import Form, render
from matrix.tables import MatrixTable

ROWS = pl.DataFrame(
    [
        ("DaemonSet", "flowlogs-pipeline", "443", "", 6.0, 1_761_645_600.0, 1_761_645_899.6),
        ("Deployment", "a|b_c", "8080", "[x]", 0.5, 1_761_645_600.0, None),
    ],
    schema=["kind", "workload", "port", "to_subnet_label", "count", "first_seen", "last_seen"],
    orient="row",
)
TABLE = MatrixTable(ROWS, ("m",), ("counts of m, n are added up",))


def test_terminal() -> None:
    assert render(TABLE, Form.TABLE) == (
        "kind         workload            port   to_subnet_label"
        "   count   first_seen             last_seen\n"
        + "─" * 109
        + "\n"
        + "DaemonSet    flowlogs-pipeline   443                   "
        "       6   2025-10-28T10:00:00Z   2025-10-28T10:04:59Z\n"
        "Deployment   a|b_c               8080   [x]            "
        "     0.5   2025-10-28T10:00:00Z\n"
        "note: counts of m, n are added up\n"
    )


def test_terminal_lines_keep_to_a_width_and_lose_nothing() -> None:
    wide, narrow = (render(TABLE, Form.TABLE, width=width) for width in (0, 60))
    assert max(map(len, narrow.splitlines())) <= 60
    letters = [
        sorted(text.replace("─", "").replace(" ", "").replace("\n", "")) for text in (wide, narrow)
    ]
    assert letters[0] == letters[1]


def test_csv() -> None:
    assert render(TABLE, Form.CSV) == (
        "kind,workload,port,to_subnet_label,count,first_seen,last_seen\n"
        "DaemonSet,flowlogs-pipeline,443,,6,2025-10-28T10:00:00Z,2025-10-28T10:04:59Z\n"
        "Deployment,a|b_c,8080,[x],0.5,2025-10-28T10:00:00Z,\n"
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_csv_texts_are_no_formulas(start: str) -> None:
    rows = pl.DataFrame({"workload": [f'{start}cmd|"x"'], "count": [-1.0]})
    text = render(MatrixTable(rows, ("m",), ()), Form.CSV)
    _, (workload, count) = csv.reader(io.StringIO(text, newline=""))
    assert workload == f'\'{start}cmd|"x"'
    assert count == "-1"


def test_json() -> None:
    document = json.loads(render(TABLE, Form.JSON))
    assert document["metrics"] == ["m"]
    assert document["notes"] == ["counts of m, n are added up"]
    assert document["rows"][1] == {
        "kind": "Deployment",
        "workload": "a|b_c",
        "port": "8080",
        "to_subnet_label": "[x]",
        "count": 0.5,
        "first_seen": "2025-10-28T10:00:00Z",
        "last_seen": None,
    }
    assert document["rows"][0]["count"] == 6


def test_markdown() -> None:
    assert render(TABLE, Form.MARKDOWN) == (
        "| kind | workload | port | to_subnet_label | count | first_seen | last_seen |\n"
        "| --- | --- | --- | --- | ---: | --- | --- |\n"
        "| DaemonSet | flowlogs-pipeline | 443 |  | 6 "
        "| 2025-10-28T10:00:00Z | 2025-10-28T10:04:59Z |\n"
        "| Deployment | a\\|b\\_c | 8080 | \\[x\\] | 0.5 | 2025-10-28T10:00:00Z |  |\n"
        "\ncounts of m, n are added up\n"
    )


@pytest.mark.parametrize("form", [Form.TABLE, Form.MARKDOWN])
def test_nothing_moves_the_cursor(form: Form) -> None:
    rows = pl.DataFrame({"workload": ["a\x1b[2J\nb"]})
    text = render(MatrixTable(rows, ("m",), ()), form)
    assert "\x1b" not in text
    assert "\N{REPLACEMENT CHARACTER}" in text


@pytest.mark.parametrize("form", list(Form))
def test_an_empty_table_is_its_header(form: Form) -> None:
    text = render(MatrixTable(ROWS.clear(), ("m",), ()), form)
    assert "flowlogs" not in text
    assert text.endswith("\n")
