"""Flows as text: safe, whole where a program reads them, and narrow where a person does."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import polars as pl
import pytest
from rich.cells import cell_len

from pipeline.cli.flow_output import FORMS, Form, Totals, greatest, table
from pipeline.testing import frame, rows

HOSTILE = [
    {"SrcK8S_Name": "\x1b[31m=cmd()\u202e", "Score": -1.5, "Odd": "=1+1", "TimeFlowEndMs": 1_000},
    {"SrcK8S_Name": '@SUM("x")\n', "Score": 5, "Odd": [1, "\x9b"]},
]


def printed(form: Form, *batches: list[dict[str, Any]], columns: tuple[str, ...] = ()) -> str:
    return "".join(FORMS[form](iter([frame(batch) for batch in batches]), columns))


def test_csv() -> None:
    """One header; texts that a spreadsheet would run have an apostrophe, numbers have none."""
    text = printed(Form.CSV, HOSTILE[:1], HOSTILE[1:], columns=("SrcK8S_Name", "Score", "Odd"))
    assert list(csv.reader(io.StringIO(text))) == [
        ["SrcK8S_Name", "Score", "Odd"],
        ["\ufffd[31m=cmd()\ufffd", "-1.5", "'=1+1"],
        ['\'@SUM("x")\ufffd', "5", "[1 \ufffd]"],
    ]
    assert "\x1b" not in text


@pytest.mark.parametrize("form", [Form.JSON, Form.JSONL])
def test_json_has_every_field(form: Form) -> None:
    text = printed(form, HOSTILE[:1], [], HOSTILE[1:])
    found = json.loads(text) if form is Form.JSON else list(map(json.loads, text.splitlines()))
    assert found == HOSTILE
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_json_of_nothing() -> None:
    assert json.loads(printed(Form.JSON)) == []
    assert printed(Form.JSONL) == ""


def test_json_of_some_fields() -> None:
    assert json.loads(printed(Form.JSON, HOSTILE, columns=("Score",))) == [
        {"Score": -1.5},
        {"Score": 5},
    ]


FLOW = {
    "TimeFlowEndMs": 1761645600396,
    "SrcK8S_Namespace": "netobserv",
    "SrcK8S_Name": "flowlogs-pipeline-ffmjk",
    "SrcAddr": "10.128.123.213",
    "SrcPort": 52317,
    "DstK8S_Name": "loki-gateway-http",
    "DstAddr": "172.30.118.140",
    "DstPort": 8080,
    "Proto": 6,
    "Bytes": 1122,
    "Packets": 15,
}


def test_a_table_of_80_columns() -> None:
    """Times of one day without the date; both ends and the bytes stay."""
    text = table(frame([FLOW, FLOW]), (), 80)
    head, first, second = text.splitlines()
    assert max(map(cell_len, (head, first, second))) <= 80
    assert first == second
    assert first.split() == [
        *("10:00:00", "10.128.123.213", "52317", "172.30.118.140", "8080", "6", "1122"),
    ]


def test_a_table_in_a_pipe() -> None:
    """Each row is a line with all fields; days are said where there are several."""
    text = table(frame([FLOW, FLOW | {"TimeFlowEndMs": 1761745600396}]), (), 0)
    lines = text.splitlines()
    assert len(lines) == 3
    assert lines[1].split() == [
        *("2025-10-28T10:00:00.396Z", "netobserv", "flowlogs-pipeline-ffmjk", "10.128.123.213"),
        *("52317", "loki-gateway-http", "172.30.118.140", "8080", "6", "1122", "15"),
    ]


def test_long_texts_of_columns_that_were_asked_for_lose_nothing() -> None:
    name = "-".join(["name"] * 30)
    text = table(frame([{"SrcK8S_Name": name, "Bytes": 1}]), ("SrcK8S_Name", "Bytes"), 80)
    assert max(map(cell_len, text.splitlines())) <= 80
    cells = [line.split()[0] for line in text.splitlines()[1:]]
    assert "".join(cells) == name


def test_a_table_moves_no_cursor() -> None:
    text = table(frame(HOSTILE), ("SrcK8S_Name", "Odd"), 80)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_greatest_of_all_batches() -> None:
    """Equal ones stay in order, those without a number come last."""
    batches = [[{"n": 1, "Bytes": 5}, {"n": 2}], [{"n": 3, "Bytes": 9}, {"n": 4, "Bytes": 5}]]
    kept: pl.DataFrame | None = None
    for batch in batches:
        kept = greatest(kept, frame(batch), "Bytes", 3)
    assert kept is not None
    assert [flow["n"] for flow in rows(kept)] == [3, 1, 4]


def test_totals() -> None:
    totals = Totals()
    assert str(totals) == "0 flows match"
    for batch in ([FLOW], [FLOW | {"TimeFlowEndMs": 1761645700396, "Bytes": 1000}], [{"Bytes": 1}]):
        totals.add(frame(batch))
    assert str(totals) == (
        "3 flows match, 2.1 KiB, 30 packets, 2025-10-28T10:00:00Z to 2025-10-28T10:01:40Z"
    )


@pytest.mark.parametrize(
    ("batches", "text"),
    [([[1e308, 1e308]], ", inf"), ([[1e308, 1e308], [-1e308, -1e308]], ", nan"), ([[7]], ", 7 B")],
)
def test_sums_that_no_double_has_are_shown(batches: list[list[float]], text: str) -> None:
    """JSON flows may have any numbers; the line at the end was a traceback."""
    totals = Totals()
    for sizes in batches:
        totals.add(pl.DataFrame({"Bytes": sizes}, schema={"Bytes": pl.Float64}))
    assert text in str(totals)
