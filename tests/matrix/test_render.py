"""Tables as text for programs and pages; those of a terminal are in test_screen.py."""

from __future__ import annotations

import csv
import io
import json

import polars as pl
import pytest

from matrix.render import Form, notes, render
from matrix.tables import COLUMNS, MatrixTable
from tests.support.tables import SCHEMA

START = 1_761_645_600.0
OUT = pl.DataFrame(
    [
        ("Deployment", "a|b_c", 8080, "", "", "", "[x]", 0.5, START, None, "SYN"),
        ("DaemonSet", "flp", 443, "Service", "b", "api", "", 6.0, START, START + 299.6, "SYN"),
    ],
    schema=SCHEMA,
    orient="row",
)
IN = OUT.with_columns(pl.lit("in").alias("workload"), pl.lit(None, pl.Int64).alias("port"))
TABLES = (
    MatrixTable(OUT, ("m",), ("counts of m, n are added up",), "shop", "outgoing"),
    MatrixTable(IN, ("k",), ("1 uncertain",), "shop", "incoming"),
)


def test_csv_is_one_table_with_namespace_and_direction_as_columns() -> None:
    text = render([*TABLES, TABLES[0]._replace(namespace="data")], Form.CSV)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["namespace", "direction", *COLUMNS]
    assert [(row["namespace"], row["direction"], row["port"]) for row in rows] == [
        *(("shop", "outgoing", "8080"), ("shop", "outgoing", "443")),
        *(("shop", "incoming", ""), ("shop", "incoming", "")),
        *(("data", "outgoing", "8080"), ("data", "outgoing", "443")),
    ]
    assert (rows[0]["count"], rows[1]["count"]) == ("0.5", "6")
    assert (rows[1]["first_seen"], rows[1]["last_seen"]) == (
        *("2025-10-28T10:00:00Z", "2025-10-28T10:04:59Z"),
    )
    assert rows[0]["last_seen"] == ""


def test_json_is_one_document() -> None:
    document = json.loads(render(TABLES, Form.JSON, about=["the input ended early"]))
    assert list(document) == ["unit", "metrics", "notes", "rows"]
    assert (document["unit"], document["metrics"]) == ("flows", ["m", "k"])
    assert document["notes"] == [
        "the input ended early",
        "Connections opened by shop: counts of m, n are added up",
        "Connections accepted by shop: 1 uncertain",
    ]
    assert [row["direction"] for row in document["rows"]] == ["outgoing"] * 2 + ["incoming"] * 2
    assert document["rows"][1] == {
        "namespace": "shop",
        "direction": "outgoing",
        "kind": "DaemonSet",
        "workload": "flp",
        "port": 443,
        "peer_kind": "Service",
        "peer_namespace": "b",
        "peer_workload": "api",
        "peer_subnet_label": "",
        "count": 6,
        "first_seen": "2025-10-28T10:00:00Z",
        "last_seen": "2025-10-28T10:04:59Z",
        "evidence": "SYN",
    }
    assert document["rows"][2]["port"] is None


def test_notes_of_a_single_table_need_no_title() -> None:
    assert notes(TABLES[:1], ["all"]) == ["all", "counts of m, n are added up"]


def test_ports_that_are_names_in_one_table_are_texts_in_all() -> None:
    named = TABLES[1]._replace(rows=IN.with_columns(pl.lit("https").alias("port")))
    rows = json.loads(render([TABLES[0], named], Form.JSON))["rows"]
    assert [row["port"] for row in rows] == ["8080", "443", "https", "https"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d"])
def test_csv_texts_are_not_formulas(start: str) -> None:
    rows = OUT.with_columns(
        pl.lit(f'{start}cmd|"x"').alias("workload"), pl.lit(-1.0).alias("count")
    )
    text = render([MatrixTable(rows, ("m",), ())], Form.CSV)
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert (row["workload"], row["count"]) == (f'\'{start}cmd|"x"', "-1")


HOSTILE = "\x1b]0;x\x07a\0b\rc\nd[/x]\u202e\x9b[2J"


FORMS = (Form.TABLE, Form.CSV, Form.JSON, Form.MARKDOWN)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_in_a_name_moves_the_cursor(form: Form) -> None:
    """Escapes, NUL, line ends, directions and C1 controls, in cells, titles and notes."""
    rows = OUT.with_columns(pl.Series("peer_workload", [HOSTILE, "=" + HOSTILE]))
    text = render([MatrixTable(rows, ("m",), (HOSTILE,), HOSTILE, "outgoing")], form)
    assert text.replace("\n", "").isprintable()
    plain = "\ufffd]0;x\ufffda\ufffdb\ufffdc\ufffdd[/x]\ufffd\ufffd[2J"
    if form is Form.JSON:
        found = [row["peer_workload"] for row in json.loads(text)["rows"]]
        assert found == [HOSTILE, "=" + HOSTILE]
    elif form is Form.MARKDOWN:
        assert plain.replace("[", "\\[").replace("]", "\\]") in text
    else:
        assert plain in text
    lines = {Form.TABLE: 6, Form.MARKDOWN: 8, Form.CSV: 3}
    assert form is Form.JSON or len(text.splitlines()) == lines[form]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300, -1e300])
def test_a_time_that_no_calendar_has_is_shown_as_it_is(seconds: float) -> None:
    rows = OUT.head(1).with_columns(pl.lit(seconds).alias("first_seen"))
    row = next(csv.DictReader(io.StringIO(render([MatrixTable(rows, (), ())], Form.CSV))))
    assert row["first_seen"].removeprefix("'") == str(seconds)


def test_markdown() -> None:
    columns = ["workload", "port", "peer_subnet_label", "count", "first_seen"]
    text = render([TABLES[0]._replace(rows=OUT.select(columns))], Form.MARKDOWN, about=["a|b"])
    assert text == (
        "## Connections opened by shop\n\n"
        "| workload | port | peer_subnet_label | count | first_seen |\n"
        "| --- | ---: | --- | ---: | --- |\n"
        "| a\\|b\\_c | 8080 | \\[x\\] | 0.5 | 2025-10-28T10:00:00Z |\n"
        "| flp | 443 |  | 6 | 2025-10-28T10:00:00Z |\n"
        "\ncounts of m, n are added up\n"
        "\na\\|b\n"
    )


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_table_is_its_header(form: Form) -> None:
    text = render([MatrixTable(OUT.clear(), ("m",), ())], form)
    assert "flp" not in text
    assert text.endswith("\n")


@pytest.mark.parametrize("form", [Form.CSV, Form.JSON])
def test_no_table_at_all(form: Form) -> None:
    """Where no namespace has a row."""
    assert "rows" in render([], form) or render([], form).startswith("namespace,direction,kind")
