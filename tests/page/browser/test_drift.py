"""The drift in a browser: edges are chosen, approved and marked, alone and in bulk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from matrix import approved
from page.source import Source
from tests.real.browser import DESKTOP, LAPTOP, PHONE, Window
from tests.support.edge_rows import edge, frame
from tests.support.paging import Page
from tests.support.seen import Fixed, seen

Open = Callable[[Source], Page]
HOSTILE = "<script>alert(1)</script>" + "x" * 228
NOW = frame(
    edge("shop/web", "shop/db", 5432),
    edge("rogue/x", "shop/db", 5432),
    edge(f"shop/{HOSTILE}", "shop/db", 5432),
    edge("shop/web", "label:EXT:S3", 443),
)
BEFORE = frame(
    edge("shop/web", "shop/db", 5432, evidence="well_known"),
    edge("shop/web", "label:EXT:S3", 443),
    edge("shop/old", "shop/db", 5432),
)


@pytest.fixture
def source(tmp_path: Path) -> Fixed:
    found = Fixed(seen(NOW))
    found.approved = tmp_path / "approved.yaml"
    found.approved.write_text(approved.dump(approved.approve(BEFORE)))
    return found


def rows(page: Page) -> list[tuple[str, str]]:
    """How each edge differs and how it is called, read at once: a poll may draw them anew."""
    found = page.browser.run(
        "return [...document.querySelectorAll('[aria-label=\"Edges that differ\"] tbody tr')].map("
        "(row) => [row.querySelector('.badge').textContent,"
        " row.querySelector('.name').textContent])"
    )
    return [(drift, called) for drift, called in found]


def known(source: Fixed) -> dict[str, bool]:
    """The clients of approved edges, and whether they are marked."""
    assert source.approved
    return {
        one.client.workload: one.anomalous
        for one in approved.load(source.approved).edges
        if not one.server.label
    }


def box(page: Page, called: str) -> None:
    page.one(f"tbody input[aria-label^='Choose {called}']").click()


def test_what_differs_the_worst_first(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("drift")
    hostile = f"shop/{HOSTILE} → shop/db"
    assert rows(page) == [
        ("▲new", "rogue/x → shop/db"),
        ("▲new", hostile),
        ("≈changed", "shop/web → shop/db"),
        ("◌gone", "shop/old → shop/db"),
    ]
    assert "4 edges differ from approved.yaml, which has 3 approved edges." in page.text("main")
    assert page.all("main script") == []


def test_one_kind_is_shown_and_the_url_says_so(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("drift")
    page.click(".choice label", "gone, 1 edge")
    page.until(lambda: rows(page) == [("◌gone", "shop/old → shop/db")])
    assert page.state == "drift?only=gone"
    page.driver.back()
    page.until(lambda: len(rows(page)) == 4)


def test_some_are_approved(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("drift")
    assert not page.button("Approve").is_enabled()
    box(page, "rogue/x")
    box(page, "shop/old")
    page.button("Approve 2 edges").click()
    page.until(lambda: len(rows(page)) == 2)
    told = "2 edges approved. 3 edges approved, 2 edges differ."
    page.until(lambda: told in page.text(".outcome"))
    assert sorted(known(source)) == ["web", "x"]


def test_all_are_approved_after_a_second_thought(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("drift")
    page.button("Approve all …").click()
    assert page.driver.switch_to.active_element.text == "Yes, approve"
    page.button("No").click()
    assert page.driver.switch_to.active_element.text == "Approve all …"
    assert len(rows(page)) == 4
    page.button("Approve all …").click()
    page.press("\ue007")
    page.until(lambda: page.text(".empty h2") == "As approved")
    page.accessible("drift-approved")
    assert source.approved
    assert source.approved.read_text() == approved.dump(approved.approve(NOW))


def test_a_namespace_is_approved_alone(open_page: Open, source: Fixed) -> None:
    """The question says what it is about, also when more comes while it is asked."""
    source.found = seen(pl.concat([NOW, frame(edge("far/a", "far/b", 80))]))
    page = open_page(source)
    page.open("drift?namespace=rogue")
    assert "1 edge of rogue differs from approved.yaml" in page.text("main")
    page.button("Approve all …").click()
    assert "Approve all of rogue that differs, 1 edge, but" in page.text(".actions.bottom")
    more = frame(edge("far/a", "far/b", 80), edge("rogue/y", "shop/db", 5432))
    source.found = seen(pl.concat([NOW, more]))
    page.until(lambda: "that differs, 2 edges, but" in page.text(".actions.bottom"))
    page.button("Yes, approve").click()
    page.until(lambda: "All of rogue approved. 5 edges approved, 4 edges" in page.text(".outcome"))
    assert "Every edge of rogue that was seen is approved" in page.text(".empty")
    page.open("drift")
    assert [drift for drift, _ in rows(page)] == ["▲new", "▲new", "≈changed", "◌gone"]


def test_a_page_that_there_is_not_any_more(open_page: Open, source: Fixed) -> None:
    """As when all of the last page has been approved: the one before it is shown."""
    page = open_page(source)
    page.open("drift?offset=5000")
    page.until(lambda: len(rows(page)) == 4)
    page.until(lambda: page.state == "drift")


def test_pages_say_which_edges_they_have(open_page: Open, source: Fixed) -> None:
    source.found = seen(frame(*(edge(f"shop/web-{at:04}", "shop/db", 80) for at in range(1_002))))
    page = open_page(source)
    page.open("drift?only=new&offset=1000")
    assert page.text(".pager span") == "Edges 1,001 to 1,002 of 1,002"
    assert len(rows(page)) == 2


def test_an_edge_is_marked_and_unmarked(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("drift")
    box(page, "rogue/x")
    page.button("Mark as anomalous").click()
    page.until(lambda: rows(page)[0] == ("!anomalous", "rogue/x → shop/db"))
    assert known(source)["x"] is True
    page.one(".part summary").click()
    page.accessible("drift-marked")
    page.button("Approve all …").click()
    page.button("Yes, approve").click()
    page.until(lambda: rows(page) == [("!anomalous", "rogue/x → shop/db")])
    box(page, "rogue/x")
    page.button("Not anomalous").click()
    page.until(lambda: page.text(".empty h2") == "As approved")
    assert known(source)["x"] is False


def test_all_that_are_shown_are_chosen_at_once(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("drift?only=new")
    page.one("thead input").click()
    page.button("Mark as anomalous").click()
    page.until(lambda: sum(known(source).values()) == 2)


def test_a_choice_stays_while_flows_come(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("drift")
    box(page, "rogue/x")
    source.found = seen(frame(*NOW.to_dicts(), edge("rogue/y", "shop/db", 5432)))
    page.until(lambda: len(rows(page)) == 5)
    chosen = page.one("tbody input[aria-label^='Choose rogue/x']")
    assert chosen.is_selected()
    assert page.driver.switch_to.active_element == chosen
    assert page.button("Approve 1 edge").is_enabled()


def test_an_edge_that_is_gone_meanwhile_is_told(open_page: Open, source: Fixed) -> None:
    """Nothing of such a decision is written."""
    page = open_page(source)
    page.open("drift")
    page.button("Pause").click()
    box(page, "rogue/x")
    source.found = seen(NOW.filter(NOW["client_namespace"] != "rogue"))
    page.button("Approve 1 edge").click()
    told = "rogue/x -> shop/db 5432/TCP is neither approved nor seen any more"
    page.until(lambda: told in page.text(".outcome"))
    assert sorted(known(source)) == ["old", "web"]


def test_without_an_approved_file_it_says_what_to_do(open_page: Open) -> None:
    page = open_page(Fixed(seen(NOW)))
    page.open("drift")
    assert page.text(".empty h2") == "Nothing is approved yet"
    assert "give `matrix.approved`" in page.text(".empty")
    page.accessible("drift-none")


def test_a_file_that_is_not_valid_is_told(open_page: Open, source: Fixed) -> None:
    assert source.approved
    source.approved.write_text("edges: 7")
    page = open_page(source)
    page.open("drift")
    assert "approved.yaml:1:8: error" in page.text(".empty")


@pytest.mark.parametrize("window", [LAPTOP, DESKTOP, PHONE])
def test_it_is_accessible_and_fits(open_page: Open, source: Fixed, window: Window) -> None:
    page = open_page(source)
    page.open("drift", window=window)
    page.accessible(f"drift-{window.width}")
    wide = page.browser.run("return document.documentElement.scrollWidth")
    assert wide <= window.width
