"""Every view, and what is done in it, with keys alone; what has the focus is seen at each stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from matrix.approved import Approved, dump, load
from page import recent
from page.health import DESCRIBED
from pipeline import config
from pipeline.app.documents import Extra
from pipeline.cli.page_api import page_documents
from pipeline.flows.compressed import Compressed
from tests.support.edge_rows import edge, frame
from tests.support.paging import Page
from tests.support.seen import Fixed, reference_flows, reference_seen

PIPELINE = """\
stages:
- {name: flows, type: ingest_stdin, decoder: json}
- {name: subnets, type: subnet_label, follows: flows, labels: [{name: Ours, cidrs: [10.0.0.0/8]}]}
- {name: edges, type: encode_matrix, follows: subnets}
"""
LINK = "at.matches('tbody th a')"


@pytest.fixture
def source(tmp_path: Path) -> Fixed:
    """The reference scenario, and a peer that nobody has named."""
    found = reference_seen()
    unknown = frame(edge("netobserv/netobserv-plugin", "198.18.7.1", 443, bytes=9_000))
    source = Fixed(
        found._replace(kept=Compressed(found.edges().vstack(unknown))), reference_flows()
    )
    source.pipeline = tmp_path / "flows.yaml"
    source.pipeline.write_text(PIPELINE)
    source.approved = tmp_path / "approved.yaml"
    source.approved.write_text(dump(Approved()))
    source.metrics = tmp_path / "metrics"
    source.metrics.mkdir()
    return source


@pytest.fixture
def page(open_page: Callable[..., Page], source: Fixed) -> Page:
    """Nothing of it is clicked: the mouse stays where it is."""
    documents = page_documents(
        source,
        "a test",
        latest=lambda asked: recent.page(source.flows(), asked),
        fares=lambda _: {"workers": []},
    )
    more = {name: documents[name] for name in ("flows", "about")}
    found = open_page(source, more | {"health": Extra(lambda _: {"workers": []}, DESCRIBED)})
    found.open("matrix")
    return found


def goes_to(page: Page, title: str) -> None:
    """By the first link of the navigation that says so."""
    page.browser.run("scrollTo(0, 0); document.activeElement.blur()")
    page.tab_to(f"at.closest('nav a')?.textContent === '{title}'")
    page.press(Keys.ENTER)
    page.until(lambda: page.driver.title == f"{title} · flowmatrix")
    page.settled()


def writes(page: Page, label: str, text: str) -> None:
    """Into the field of a label, which Tab leads to."""
    page.tab_to(f"at.closest('label')?.firstChild.textContent.trim() === '{label}'")
    page.press(Keys.CONTROL + "a" + Keys.NULL + text)


def presses(page: Page, button: str) -> None:
    """The next button with this text."""
    page.tab_to(f"at.matches('button') && at.textContent.startsWith('{button}')")
    page.press(Keys.ENTER)


def test_a_peer_is_named(page: Page, source: Fixed) -> None:
    goes_to(page, "Unknown peers")
    writes(page, "Name", "EXT:partner")
    page.until(lambda: page.button("Apply 1 label").is_enabled())
    presses(page, "Apply 1 label")
    page.until(lambda: "1 label written: EXT:partner" in page.text("main .outcome"))
    assert source.pipeline
    (subnets,) = (one for one in config.load(source.pipeline).stages if one.name == "subnets")
    assert [one.name for one in subnets.labels] == ["Ours", "EXT:partner"]  # type: ignore[attr-defined]


def test_a_table_is_filtered_and_sorted_and_an_edge_opened(page: Page) -> None:
    goes_to(page, "Table")
    writes(page, "Filter", 'server_namespace = "noo-loki"' + Keys.ENTER)
    page.until(lambda: "query=" in page.state)
    page.settled()
    page.tab_to("at.dataset.sort === 'bytes'")
    page.press(Keys.ENTER)
    page.until(lambda: page.all("th[aria-sort=descending]"))
    page.settled()
    assert page.browser.run("return document.activeElement.dataset.sort") == "bytes"
    page.tab_to(LINK)
    name = page.driver.switch_to.active_element.text
    page.press(Keys.ENTER)
    page.until(lambda: name in page.text("#panel h2"))
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.one("#panel").is_displayed())
    assert page.driver.switch_to.active_element.text == name


def test_a_cell_is_opened(page: Page) -> None:
    page.tab_to("at.matches('select') && at.closest('label').textContent.startsWith('Namespace')")
    page.press("netobserv")
    page.until(lambda: page.state == "matrix?namespace=netobserv")
    page.until(lambda: "flowlogs-pipeline" in page.texts(".grid-client .name"))
    page.tab_to("at.closest('.choice')")
    page.press(Keys.ARROW_RIGHT)
    page.until(lambda: "direction=ingress" in page.state)
    page.tab_to("at.role === 'gridcell'")
    page.press(Keys.CONTROL, Keys.ARROW_RIGHT)
    page.press(Keys.ENTER)
    page.until(lambda: "netobserv/" in page.text("#panel h2"))
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.one("#panel").is_displayed())


def test_a_rule_is_chosen_and_a_connection_checked(page: Page) -> None:
    page.open("policy?namespace=netobserv")
    page.tab_to("at.dataset.rule")
    page.until(lambda: page.all(".dimmed tr.lit"))
    page.press(Keys.ENTER)
    page.until(lambda: "rule=" in page.state)
    writes(page, "From", "netobserv/netobserv-plugin" + Keys.ENTER)
    writes(page, "To", "netobserv/flowlogs-pipeline" + Keys.ENTER)
    writes(page, "Port", "22" + Keys.ENTER)
    page.until(lambda: "denied" in page.texts(".opinion .badge"))


def test_edges_are_marked_and_approved(page: Page, source: Fixed) -> None:
    goes_to(page, "Drift")
    page.tab_to("at.matches('tbody input')")
    page.press(Keys.SPACE)
    presses(page, "Mark as anomalous")
    page.until(lambda: "1 edge marked" in page.text("main .outcome"))
    page.tab_to("at.matches('tbody input')")
    page.press(Keys.SPACE)
    presses(page, "Approve 1 edge")
    page.until(lambda: "1 edge approved. " in page.text("main .outcome"))
    presses(page, "Approve all")
    page.until(lambda: page.driver.switch_to.active_element.text == "Yes, approve")
    page.press(Keys.ENTER)
    page.until(lambda: "All approved. 18 edges approved" in page.text("main .outcome"))
    assert source.approved
    assert len(load(source.approved).edges) == 18


def test_flows_are_filtered_and_turned_round(page: Page) -> None:
    goes_to(page, "Traffic flows")
    writes(page, "Filter", 'DstK8S_OwnerName = "netobserv-plugin"' + Keys.ENTER)
    page.until(lambda: "query=" in page.state)
    page.settled()
    presses(page, "Swap")
    page.until(lambda: "SrcK8S_OwnerName" in (page.labelled("Filter").get_attribute("value") or ""))
    page.browser.run("document.activeElement.blur()")
    presses(page, "Back and forth")
    page.until(lambda: "both=" in page.state)
    page.tab_to("at.matches('summary') && at.textContent === 'Columns'")
    page.press(Keys.ENTER)
    page.until(lambda: page.one("details[open]"))


def test_a_metric_is_written_and_saved(page: Page, source: Fixed) -> None:
    """Tab leaves the text: nobody is caught in it."""
    goes_to(page, "Metrics")
    page.until(lambda: page.button("Save").is_enabled())
    page.tab_to("at.matches('textarea')")
    page.press(Keys.CONTROL, Keys.END)
    page.press(Keys.ENTER, "# mine")
    page.until(lambda: page.button("Save").is_enabled())
    presses(page, "Save")
    page.until(lambda: "Saved as workload-bytes.yaml" in page.text(".outcome"))
    assert source.metrics
    assert (source.metrics / "workload-bytes.yaml").read_text().rstrip().endswith("# mine")


def test_the_theme_is_chosen_and_the_page_paused(page: Page) -> None:
    goes_to(page, "Health")
    page.browser.run("document.activeElement.blur()")
    presses(page, "Pause")
    assert page.one("#pause").get_attribute("aria-pressed") == "true"
    page.press(Keys.ENTER)
    page.tab_to("at.id === 'theme'")
    page.press("dark")
    page.until(lambda: page.browser.run("return document.documentElement.dataset.theme") == "dark")
    page.press("light")
