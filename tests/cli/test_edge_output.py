"""Edges in every form."""

from __future__ import annotations

import csv
import io
import json

import polars as pl
import pytest

from matrix.coverage import Coverage
from matrix.edges import EDGES as SCHEMA
from matrix.families import MatrixDirection
from matrix.render import Form
from matrix.select import summary
from matrix.tables import Order
from pipeline.cli.edge_output import Question, document, notes_on, printed, within
from tests.support.edge_rows import edge, frame

OUT, IN = MatrixDirection.OUTGOING, MatrixDirection.INCOMING
EDGES = frame(
    edge("shop/web", "shop/db", 5432, bytes=10, flows=3),
    edge("shop/web", "label:EXT:S3", 443, bytes=3000, flows=2, last_seen=1_761_645_950.0),
    edge("other/x", "shop/web", None, protocol="ICMP", bytes=20, flows=1),
    edge("other/x", "other/y", 80, services=["other/y:80", "other/z:81"], days=["2025-10-28"]),
)


def question(*names: str, order: Order = Order.COUNT, summed: bool = False) -> Question:
    return Question(names, (OUT, IN), order, evidence=False, summary=summed)


def shown(form: Form, asked: Question, width: int = 0) -> str:
    found = within(EDGES, asked)
    return printed(found, form, width, asked, summary(found))


@pytest.mark.parametrize(
    ("order", "ports"),
    [
        (Order.COUNT, [80, 5432, 443, None]),
        (Order.BYTES, [443, None, 5432, 80]),
        (Order.PORT, [80, 443, 5432, None]),
        (Order.LAST_SEEN, [443, 80, None, 5432]),
        (Order.NAME, [80, None, 443, 5432]),
    ],
)
def test_order(order: Order, ports: list[int | None]) -> None:
    """Edges that are equal otherwise stand by name, and those without a port come last."""
    assert within(EDGES, question(order=order))["port"].to_list() == ports


def test_the_edges_of_a_namespace() -> None:
    assert within(EDGES, question("shop")).height == 3
    sent = question("shop")._replace(directions=(OUT,))
    assert within(EDGES, sent)["port"].to_list() == [5432, 443]


def test_a_namespace_has_a_table_for_each_direction() -> None:
    lines = shown(Form.TABLE, question("shop")).splitlines()
    titles = [line for line in lines if line.startswith("Connections")]
    assert titles == ["Connections opened by shop", "Connections accepted by shop"]
    assert sum("5432/TCP" in line for line in lines) == 2


def test_csv_has_lists_in_a_cell_and_jsonl_is_the_frame() -> None:
    rows = list(csv.DictReader(io.StringIO(shown(Form.CSV, question()))))
    assert list(rows[0]) == list(SCHEMA)
    assert (rows[0]["services"], rows[0]["days"]) == ("other/y:80 other/z:81", "2025-10-28")
    lines = shown(Form.JSONL, question())
    assert pl.read_ndjson(lines.encode(), schema=SCHEMA).equals(within(EDGES, question()))


def test_json_says_what_the_edges_cover() -> None:
    found = json.loads(document(EDGES, Coverage.of(EDGES, 2, 1), ["a note"]))
    assert found["covers"] == {
        "first_seen": "2025-10-28T10:00:00Z",
        "last_seen": "2025-10-28T10:05:50Z",
        "flows": 56,
        "beyond": 2,
        "rejected": 1,
    }
    assert found["notes"] == ["a note"]
    assert found["rows"][3]["services"] == ["other/y:80", "other/z:81"]
    assert notes_on(EDGES, Coverage.of(EDGES, 0, 0), ["b"])[0] == "b"


def test_a_page_has_the_columns_that_people_read() -> None:
    lines = shown(Form.MARKDOWN, question()).splitlines()
    assert lines[0] == (
        "| client | server | protocol | port | state | evidence | flows | bytes | first_seen "
        "| last_seen |"
    )
    assert lines[3].startswith("| shop/web | shop/db | TCP | 5432 | established | syn | 13 | 10 |")
    assert any(line.startswith("| shop/web | EXT:S3 | TCP | 443 |") for line in lines)


@pytest.mark.parametrize("form", [Form.TABLE, Form.CSV, Form.MARKDOWN, Form.JSONL])
def test_the_summary_in_every_form(form: Form) -> None:
    text = shown(form, question(summed=True))
    assert "other" in text
    assert "5432" not in text


HOSTILE = "\x1b]0;x\x07a\u202e\x9b[2J"


@pytest.mark.parametrize("form", [form for form in Form if form is not Form.JSON])
def test_nothing_in_a_name_moves_the_cursor(form: Form) -> None:
    found = frame(
        edge(f"{HOSTILE}/{HOSTILE}", f"label:{HOSTILE}", services=[HOSTILE], policies=[HOSTILE])
    )
    asked = question(HOSTILE) if form is Form.TABLE else question()
    text = printed(found, form, 0, asked, summary(found))
    assert text.replace("\n", "").isprintable()
    assert document(found, Coverage.of(found, 0, 0), [HOSTILE]).replace("\n", "").isprintable()


def test_a_cell_is_not_a_formula() -> None:
    found = frame(edge("a/=cmd", "label:@x", policies=["+1"]))
    row = next(csv.DictReader(io.StringIO(printed(found, Form.CSV, 0, question(), found))))
    assert (row["client_workload"], row["server_label"], row["policies"]) == ("'=cmd", "'@x", "'+1")
