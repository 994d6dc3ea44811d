"""The matrix in a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from matrix import approval
from matrix.approved import KEY, approve, dump
from page.source import Source
from tests.real.browser import DESKTOP, LAPTOP, PHONE, Window
from tests.support.edge_rows import edge, frame
from tests.support.paging import Page
from tests.support.reference_edges import edges as reference_edges
from tests.support.seen import Fixed, reference_seen, seen

Open = Callable[[Source], Page]
NAMESPACE = "matrix?namespace=netobserv"
STATES = frame(
    edge("shop/web", "shop/db", 5432),
    edge("shop/web", "shop/cache", 6379, state="attempted"),
    edge("shop/web", "label:partner", 443, state="denied", denied=10),
    edge("shop/web", "203.0.113.9", 443, state="uncertain", evidence="uncertain"),
    edge("shop/rogue", "shop/db", 5432),
    edge("node:n1", "shop/web", 8080),
)


def place(page: Page) -> tuple[int, ...]:
    """The row and the column that have the focus."""
    focused = page.driver.switch_to.active_element
    return tuple(int(focused.get_attribute(f"data-{one}") or -1) for one in ("row", "column"))


def cells(page: Page) -> list[str]:
    return sorted(page.texts(".cell.filled"))


def test_the_nodes_that_call_are_one_row(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open(NAMESPACE)
    assert page.texts(".grid-client .name") == [
        *("flowlogs-pipeline", "netobserv-plugin", "console", "prometheus-k8s", "nodes"),
    ]
    ports = page.texts(".grid-server .port")
    assert ports[:3] == ["TCP 2055", "TCP 8080", "TCP 9401"]
    assert len(cells(page)) == 14
    assert "● established226 flows · 1.6 MiB" in cells(page)


def test_every_state_has_a_glyph_and_a_word(open_page: Open, tmp_path: Path) -> None:
    source = Fixed(seen(STATES))
    source.approved = tmp_path / "approved.yaml"
    old = frame(edge("shop/web", "shop/old", 1), *(STATES.row(at, named=True) for at in (0, 5)))
    key = approval.key_of([STATES.row(0, named=True)[name] for name in KEY])
    known = approval.mark(approve(old), old, [key], anomalous=True)
    source.approved.write_text(dump(known))
    page = open_page(source)
    page.open("matrix?namespace=shop")
    assert sorted(page.texts(".cell.filled b")) == [
        *("! anomalous", "▲ new", "▲ new", "○ attempted", "◌ gone", "● established", "✕ denied"),
    ]
    page.accessible("matrix-states")


@pytest.mark.parametrize(
    ("direction", "clients"),
    [
        ("ingress", ["console", "prometheus-k8s", "nodes"]),
        ("egress", ["flowlogs-pipeline", "netobserv-plugin"]),
    ],
)
def test_a_direction_is_chosen(open_page: Open, direction: str, clients: list[str]) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open(NAMESPACE)
    page.click(".choice label", direction)
    page.until(lambda: page.texts(".grid-client .name") == clients)
    assert f"direction={direction}" in page.state
    page.driver.back()
    page.until(lambda: len(page.texts(".grid-client .name")) == 5)


def test_a_namespace_is_chosen(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open()
    assert page.texts(".grid-server .name")[0] == "netobserv"
    page.choose(".controls select", "netobserv")
    page.until(lambda: "flowlogs-pipeline" in page.texts(".grid-client .name"))
    assert page.state == NAMESPACE


@pytest.mark.parametrize("collapse", ["each", "nodes", "workloads", "namespaces"])
def test_ends_are_collapsed(open_page: Open, collapse: str) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open(f"{NAMESPACE}&collapse={collapse}")
    rows = {"each": 10, "nodes": 5, "workloads": 4, "namespaces": 4}[collapse]
    assert len(page.texts(".grid-client")) == rows


def test_what_is_looked_for_is_found(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open(NAMESPACE)
    page.labelled("Find").send_keys("loki")
    page.until(lambda: page.texts(".grid-server .name") == ["loki-gateway", "loki-query-frontend"])
    page.labelled("Find").send_keys("xyz")
    assert page.text(".empty h2") == "Nothing fits"
    page.accessible("matrix-nothing-fits")
    page.button("Show all").click()
    page.until(lambda: len(cells(page)) == 14)


def test_states_are_chosen_in_the_legend(open_page: Open) -> None:
    page = open_page(Fixed(seen(STATES)))
    page.open("matrix?namespace=shop")
    page.one(".legend .is-denied").click()
    page.until(lambda: cells(page) == ["✕ denied20 flows · 0 B"])
    assert page.one(".legend .is-denied").get_attribute("aria-pressed") == "true"
    page.one(".legend .is-attempted").click()
    page.until(lambda: len(cells(page)) == 2)


def test_a_cell_opens_the_panel_and_closes_it(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open(NAMESPACE)
    page.click(".cell.filled", "226")
    page.until(lambda: "6 edges behind it" in page.text("#panel"))
    assert page.text("#panel h2") == "nodes → netobserv/flowlogs-pipeline TCP 2055"
    assert page.driver.switch_to.active_element.tag_name == "h2"
    assert ["226" in text for text in page.texts(".cell.open")] == [True]
    page.accessible("matrix-edge")
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.one("#panel").is_displayed())
    assert "226" in page.driver.switch_to.active_element.text, "the focus is where it was"
    assert page.all(".cell.open") == []


def test_the_keyboard_alone_is_enough(open_page: Open) -> None:
    """From the address bar to a cell, along the grid, into the panel and back."""
    page = open_page(Fixed(reference_seen()))
    page.open(NAMESPACE)
    body = page.one("body")
    for _ in range(40):
        body.send_keys(Keys.TAB) if page.driver.switch_to.active_element.tag_name == "body" else (
            page.press(Keys.TAB)
        )
        if page.driver.switch_to.active_element.get_attribute("role") == "gridcell":
            break
    assert place(page) == (0, 0)
    page.press(Keys.ARROW_DOWN)
    page.press(Keys.ARROW_RIGHT)
    assert place(page) == (1, 1)
    page.press(Keys.END)
    assert place(page) == (1, 10)
    page.press(Keys.HOME)
    assert place(page) == (1, 0)
    page.press(Keys.CONTROL, Keys.END)
    assert place(page) == (4, 10)
    page.press(Keys.CONTROL, Keys.HOME)
    assert place(page) == (0, 0)
    page.press(Keys.CONTROL, Keys.ARROW_DOWN)
    assert place(page) == (4, 0)
    assert [one.get_attribute("data-row") for one in page.all(".cell[tabindex='0']")] == ["4"]
    page.press(Keys.ENTER)
    page.until(lambda: "nodes → netobserv/flowlogs-pipeline TCP 2055" in page.text("#panel"))
    page.press(Keys.ESCAPE)
    page.until(lambda: place(page) == (4, 0))


@pytest.mark.parametrize("window", [LAPTOP, DESKTOP, PHONE])
def test_it_is_accessible_and_fits(open_page: Open, window: Window) -> None:
    page = open_page(Fixed(reference_seen()))
    for name, state in (("namespace", NAMESPACE), ("all", "matrix")):
        page.open(state, window=window)
        page.accessible(f"matrix-{name}-{window.width}")
        wide = page.browser.run("return document.documentElement.scrollWidth")
        assert wide <= window.width, "nothing but the grid scrolls sideways"


def test_columns_stand_beside_the_rows_when_the_window_has_changed(open_page: Open) -> None:
    """As when a phone is turned: the style sheet has other sizes for other widths."""
    page = open_page(Fixed(reference_seen()))
    page.open(NAMESPACE, window=DESKTOP)
    for window in (PHONE, LAPTOP):
        page.browser.resize(window)
        gap = (
            "const box = (css) => document.querySelector(css).getBoundingClientRect();"
            "return Math.abs(box('.grid-client').right - box('.grid-server').left) < 2"
        )
        page.until(lambda gap=gap: bool(page.browser.run(gap)))  # type: ignore[misc] # of the loop


def test_an_empty_matrix_says_so(open_page: Open) -> None:
    page = open_page(Fixed(seen(reference_edges().clear())))
    page.open(NAMESPACE)
    assert page.text(".empty h2") == "Nothing was seen yet"
    page.accessible("matrix-empty")


def test_a_namespace_that_is_not_there_leads_to_all(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("matrix?namespace=gone")
    assert page.text(".empty h2") == "Nothing was seen of gone"
    page.accessible("matrix-gone")
    page.button("All namespaces").click()
    page.until(lambda: page.all(".cell.filled"))
    assert page.state == "matrix"


def test_what_changes_is_shown_without_a_reload(open_page: Open) -> None:
    source = Fixed(seen(STATES.head(1)))
    page = open_page(source)
    page.open("matrix?namespace=shop")
    assert len(cells(page)) == 1
    source.found = seen(STATES)
    page.until(lambda: len(cells(page)) == 6)


def test_the_key_of_a_cell_is_in_the_url(open_page: Open) -> None:
    page = open_page(Fixed(seen(STATES)))
    page.open("matrix?namespace=shop")
    page.click(".cell.is-denied")
    page.until(lambda: "edge=" in page.state)
    key = page.browser.run("return new URLSearchParams(location.hash.split('?')[1]).get('edge')")
    assert json.loads(key) == [
        *("Deployment", "shop", "web", "", ""),
        *("", "", "", "partner", ""),
        *("TCP", 443),
    ]
    page.open(page.state)
    page.until(lambda: "shop/web → partner TCP 443" in page.text("#panel h2"))
