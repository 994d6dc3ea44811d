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


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d"])
def test_csv_texts_are_not_formulas(start: str) -> None:
    rows = pl.DataFrame({"workload": [f'{start}cmd|"x"'], "count": [-1.0]})
    text = render(MatrixTable(rows, ("m",), ()), Form.CSV)
    _, (workload, count) = csv.reader(io.StringIO(text, newline=""))
    assert (workload, count) == (f'\'{start}cmd|"x"', "-1")


HOSTILE = "\x1b]0;x\x07a\0b\rc\nd[/x]\u202e\x9b[2J"


@pytest.mark.parametrize("form", Form)
def test_nothing_in_a_name_moves_the_cursor(form: Form) -> None:
    """Escapes, NUL, line ends, directions and C1 controls, in cells, titles and notes."""
    rows = pl.DataFrame({"workload": [HOSTILE, "=" + HOSTILE], "count": [1.0, 2.0]})
    text = render(MatrixTable(rows, ("m",), (HOSTILE,)), form, title=HOSTILE)
    assert text.replace("\n", "").isprintable()
    plain = "\ufffd]0;x\ufffda\ufffdb\ufffdc\ufffdd[/x]\ufffd\ufffd[2J"
    if form is Form.JSON:
        assert [row["workload"] for row in json.loads(text)["rows"]] == [HOSTILE, "=" + HOSTILE]
    elif form is Form.MARKDOWN:
        assert plain.replace("[", "\\[").replace("]", "\\]") in text
    else:
        assert plain in text
    lines = {Form.TABLE: 7, Form.MARKDOWN: 8, Form.CSV: 3}
    assert form is Form.JSON or len(text.splitlines()) == lines[form]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300, -1e300])
def test_a_time_that_no_calendar_has_is_shown_as_it_is(seconds: float) -> None:
    rows = pl.DataFrame({"count": [1.0], "first_seen": [seconds], "last_seen": [0.0]})
    text = render(MatrixTable(rows, ("m",), ()), Form.CSV)
    assert text.splitlines()[1].replace("'", "") == f"1,{seconds},1970-01-01T00:00:00Z"


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
