"""The table of edges in a browser."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from matrix.approved import approve, dump
from page.source import Source
from tests.real.browser import DESKTOP, LAPTOP, PHONE, Window
from tests.support.edge_rows import edge, frame
from tests.support.paging import Page
from tests.support.seen import Fixed, reference_seen, seen

Open = Callable[[Source], Page]


@pytest.fixture
def many(open_page: Open) -> Page:
    """250 edges of the namespace shop."""
    rows = [edge("shop/web", f"shop/db-{at:03}", 5432, bytes=at) for at in range(250)]
    return open_page(Fixed(seen(frame(*rows))))


def servers(page: Page) -> list[str]:
    return page.texts("tbody td:nth-of-type(1)")


def test_it_is_a_table_as_a_screen_reader_wants_it(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("table?namespace=netobserv")
    assert page.texts("caption") == ["27 edges: who opens connections to whom. Times in UTC."]
    assert set(
        page.browser.run("return [...document.querySelectorAll('th')].map(e => e.scope)")
    ) == {
        "col",
        "row",
    }
    assert page.all("[aria-sort]") == []


def test_a_column_is_sorted_and_sorted_back(many: Page) -> None:
    many.open("table")
    many.one("[data-sort=bytes]").click()
    many.until(lambda: servers(many)[0] == "shop/db-249")
    assert [one.get_attribute("aria-sort") for one in many.all("[aria-sort]")] == ["descending"]
    many.one("[data-sort=bytes]").click()
    many.until(lambda: servers(many)[0] == "shop/db-000")
    assert [one.get_attribute("aria-sort") for one in many.all("[aria-sort]")] == ["ascending"]
    many.driver.back()
    many.until(lambda: servers(many)[0] == "shop/db-249")


def test_pages_are_turned(many: Page) -> None:
    many.open("table")
    assert many.text(".pager span") == "Edges 1 to 100 of 250"
    assert not many.button("Previous").is_enabled()
    many.button("Next").click()
    many.until(lambda: many.text(".pager span") == "Edges 101 to 200 of 250")
    many.button("Next").click()
    many.until(lambda: many.text(".pager span") == "Edges 201 to 250 of 250")
    assert not many.button("Next").is_enabled()
    assert len(servers(many)) == 50
    many.button("Previous").click()
    many.until(lambda: many.text(".pager span") == "Edges 101 to 200 of 250")


@pytest.mark.parametrize(
    ("label", "text", "number"),
    [
        ("Filter", 'server_workload =~ "db-00." and bytes >= 5', 5),
        ("Namespace", "shop", 250),
        ("Peer", "shop/db-017", 1),
        ("Port", "5432", 250),
    ],
)
def test_edges_are_filtered(many: Page, label: str, text: str, number: int) -> None:
    many.open("table?collapse=nodes")
    many.write(label, text)
    many.until(lambda: many.text("caption").startswith(f"{number} edge"))
    many.open(many.state)
    many.until(lambda: many.text("caption").startswith(f"{number} edge"))
    assert many.labelled(label).get_attribute("value") == text


def test_a_filter_that_cannot_be_read_is_told_beside_it(many: Page) -> None:
    many.open("table")
    many.write("Filter", "byte > 5")
    many.until(lambda: "edges have no column" in many.text("#wrong"))
    assert 'did you mean "bytes"?' in many.text("#wrong")
    field = many.labelled("Filter")
    assert field.get_attribute("aria-invalid") == "true"
    assert field.get_attribute("aria-describedby") == "wrong"
    many.accessible("table-wrong-filter")
    many.write("Filter", "bytes > 5")
    many.until(lambda: not many.one("#wrong").is_displayed())
    assert many.text("caption").startswith("244 edges")


def test_a_page_that_there_is_not_any_more(many: Page) -> None:
    many.open("table?offset=10000")
    many.until(lambda: many.text(".pager span") == "Edges 201 to 250 of 250")
    assert many.state == "table?offset=200"


def test_what_is_new_says_so_as_in_the_matrix(open_page: Open, tmp_path: Path) -> None:
    rows = frame(edge("shop/web", "shop/db", 5432), edge("rogue/x", "shop/db", 5432))
    source = Fixed(seen(rows))
    source.approved = tmp_path / "approved.yaml"
    source.approved.write_text(dump(approve(rows.tail(1))))
    page = open_page(source)
    page.open("table?sort=client_workload")
    states = [page.texts(f"tbody tr:nth-of-type({at}) .badge") for at in (1, 2)]
    assert states == [["▲new", "●established"], ["●established"]]
    page.accessible("table-new")


def test_flows_and_bytes_of_each_way_have_their_own_column(open_page: Open) -> None:
    """Cells of the matrix add both; a column of one way is not called the same."""
    row = edge("shop/web", "shop/db", 80, flows=3, reply_flows=2, bytes=30, reply_bytes=20)
    page = open_page(Fixed(seen(frame(row))))
    page.open("table")
    heads, cells = page.texts("thead th"), page.texts("tbody tr > *")
    shown = dict(zip(heads, cells, strict=True))
    ways = ("Flows to server", "Flows back", "Bytes to server", "Bytes back")
    assert [shown[way] for way in ways] == ["3", "2", "30 B", "20 B"]


@pytest.mark.parametrize(
    ("state", "number"),
    [("namespace=netobserv&direction=ingress", 6), ("namespace=netobserv&collapse=each", 27)],
)
def test_the_same_as_the_matrix(open_page: Open, state: str, number: int) -> None:
    """What is chosen in the matrix is chosen in the table, and as coarse."""
    page = open_page(Fixed(reference_seen()))
    page.open(f"matrix?{state}")
    assert page.text(".head p").startswith(f"{number} cells")
    page.button("Same as a table").click()
    page.until(lambda: page.text("caption").startswith(f"{number} edges"))
    page.button("Same as a matrix").click()
    page.until(lambda: "netobserv" in page.state and page.all(".cell.filled"))
    collapse = "each" if "each" in state else "nodes"
    assert page.labelled("Collapse").get_attribute("value") == collapse


def test_nothing_that_fits_is_told(many: Page) -> None:
    many.open("table?namespace=other")
    assert many.text(".empty h2") == "Nothing fits"
    many.accessible("table-nothing-fits")
    many.button("Show all").click()
    many.until(lambda: many.text("caption").startswith("250 edges"))


def test_an_edge_is_opened_beside_it(many: Page) -> None:
    many.open("table?query=bytes+%3D+7")
    many.one("tbody th a").click()
    many.until(lambda: "shop/web → shop/db-007 TCP 5432" in many.text("#panel h2"))
    many.accessible("table-edge")
    many.button("Close").click()
    many.until(lambda: not many.one("#panel").is_displayed())
    assert many.driver.switch_to.active_element.text == "shop/web"


def test_all_edges_are_exported(many: Page, chromium_files: Path) -> None:
    """Not the page that is shown alone; a text that would be a formula is none."""
    many.open("table?sort=-bytes")
    many.button("Export CSV").click()
    many.until(lambda: many.text(".outcome") == "250 edges exported")
    file = many.until(lambda: next(chromium_files.glob("edges*.csv"), None))
    rows = many.until(lambda: list(csv.DictReader(file.read_text().splitlines())))
    assert [row["server_workload"] for row in rows[:2]] == ["db-249", "db-248"]
    assert len(rows) == 250
    many.button("Export JSON").click()
    file = many.until(lambda: next(chromium_files.glob("edges*.json"), None))
    found = many.until(lambda: json.loads(file.read_text() or "[]"))
    assert (len(found), found[0]["bytes"], found[0]["port"]) == (250, 249, 5432)


@pytest.mark.parametrize("window", [LAPTOP, DESKTOP, PHONE])
def test_it_is_accessible_and_fits(open_page: Open, window: Window) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("table", window=window)
    page.accessible(f"table-{window.width}")
    wide = page.browser.run("return document.documentElement.scrollWidth")
    assert wide <= window.width, "nothing but the table scrolls sideways"
