"""Unknown peers in a browser: proposals are settled, written, and gone when they have names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest

from page.source import Source
from pipeline import config
from tests.real.browser import DESKTOP, LAPTOP, PHONE, Window
from tests.support.edge_rows import edge, frame
from tests.support.paging import Page
from tests.support.seen import Fixed, seen

Open = Callable[[Source], Page]
PIPELINE = """\
stages:
- {name: flows, type: ingest_stdin, decoder: json}
- {name: subnets, type: subnet_label, follows: flows, labels: [{name: Ours, cidrs: [10.0.0.0/8]}]}
- {name: edges, type: encode_matrix, follows: subnets}
"""
HOSTILE = "<img src=x onerror=alert(1)>\u202e"
EDGES = frame(
    *(edge("shop/web", f"198.18.7.{at}", 443, bytes=9_000) for at in range(4)),
    edge("mon/prom", "8.8.8.8", 53, protocol="UDP", bytes=70),
    edge(f"shop/{HOSTILE}", "1.1.1.1", 53, bytes=7),
)


@pytest.fixture
def source(tmp_path: Path) -> Fixed:
    found = Fixed(seen(EDGES))
    found.pipeline = tmp_path / "flows.yaml"
    found.pipeline.write_text(PIPELINE)
    return found


def names(page: Page) -> list[str]:
    return page.texts(".proposal .head label")


def labels(source: Fixed) -> list[tuple[str, list[str]]]:
    assert source.pipeline
    (stage,) = [one for one in config.load(source.pipeline).stages if one.type == "subnet_label"]
    return [(one.name, one.cidrs) for one in stage.labels]  # type: ignore[attr-defined]


def test_proposals_with_their_evidence(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("peers")
    assert page.text("main h1 + p").startswith("3 names proposed for addresses")
    assert names(page) == [
        *("take EXT:private_198_18_7_0_30", "take EXT:ip_8_8_8_8", "take EXT:ip_1_1_1_1")
    ]
    first = page.text(".proposal")
    assert "private addresses: a private network" in first
    assert "opens 4 addresses, 4 seen" in first
    assert "Seen addresses in the 1 chosen network: 4 of 4." in first
    assert "80 flows, 35 KiB, ports 443/TCP" in first
    assert "no list of providers' ranges" in page.text(".notice.warn")


def test_a_name_is_edited_and_the_label_written(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("peers?namespace=mon")
    assert not page.button("Apply").is_enabled()
    field = page.labelled("Name")
    field.clear()
    field.send_keys("EXT:resolver")
    page.button("Apply 1 label").click()
    page.until(lambda: "1 label written: EXT:resolver" in page.text("main [role=status].outcome"))
    assert labels(source) == [("Ours", ["10.0.0.0/8"]), ("EXT:resolver", ["8.8.8.8/32"])]
    assert page.text(".proposal .badge") == "written, waiting for the pipeline"
    source.found = seen(EDGES.filter(EDGES["server_address"] != "8.8.8.8"))
    page.until(lambda: "Every peer has a name" in page.text(".empty"))
    page.accessible("peers-empty")


def test_a_network_is_split_and_one_half_left_out(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("peers?namespace=shop")
    page.one("[aria-label='Split 198.18.7.0/30']").click()
    cidrs = ".proposal:first-child .network label"
    page.until(lambda: page.texts(cidrs) == ["198.18.7.0/31", "198.18.7.2/31"])
    assert page.driver.switch_to.active_element.text == "Split"
    page.all(f"{cidrs} input")[1].click()
    page.until(lambda: "in the 1 chosen network: 2 of 4." in page.text(".proposal"))
    page.button("Apply 1 label").click()
    page.until(lambda: len(labels(source)) == 2)
    assert labels(source)[1] == ("EXT:private_198_18_7_0_30", ["198.18.7.0/31"])


def test_a_network_that_is_none_is_told(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("peers?namespace=mon")
    page.write("Another network", "8.8.8.0/33")
    page.until(lambda: '"8.8.8.0/33" is not a network' in page.text(".proposal [role=alert]"))
    page.accessible("peers-wrong-network")
    page.write("Another network", "8.8.4.4/24")
    cidrs = ".proposal .network label"
    page.until(lambda: page.texts(cidrs) == ["8.8.8.8/32", "8.8.4.0/24"])
    assert page.texts(".proposal [role=alert]") == [""]


def test_what_a_viewer_edits_stays_while_flows_come(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("peers?namespace=mon")
    field = page.labelled("Name")
    field.send_keys("_more")
    more = edge("mon/prom", "8.8.8.8", 853, bytes=1_000)
    source.found = seen(frame(*EDGES.to_dicts(), more))
    page.until(lambda: "853/TCP" in page.text(".proposal"))
    assert page.driver.switch_to.active_element == page.labelled("Name")
    assert page.labelled("Name").get_attribute("value") == "EXT:ip_8_8_8_8_more"
    assert page.labelled("take EXT:ip_8_8_8_8").is_selected()


def test_what_is_edited_is_in_the_url(open_page: Open, source: Fixed) -> None:
    """A link shows the same edits, and the back button takes back the last one."""
    page = open_page(source)
    page.open("peers?namespace=shop")
    page.one("[aria-label='Split 198.18.7.0/30']").click()
    cidrs = ".proposal:first-child .network label"
    page.until(lambda: page.texts(cidrs) == ["198.18.7.0/31", "198.18.7.2/31"])
    page.all(f"{cidrs} input")[1].click()
    page.labelled("Name").send_keys("_half")
    page.until(lambda: "_half" in page.state)
    link = page.state
    page.open(link)
    page.until(lambda: page.texts(cidrs) == ["198.18.7.0/31", "198.18.7.2/31"])
    chosen = [one.is_selected() for one in page.all(f"{cidrs} input")]
    assert chosen == [True, False]
    assert page.labelled("Name").get_attribute("value") == "EXT:private_198_18_7_0_30_half"
    page.one("[aria-label='Split 198.18.7.0/31']").click()
    page.until(lambda: len(page.texts(cidrs)) == 3)
    page.driver.back()
    page.until(lambda: page.texts(cidrs) == ["198.18.7.0/31", "198.18.7.2/31"])
    page.button("Apply 1 label").click()
    page.until(lambda: len(labels(source)) == 2)
    assert labels(source)[1] == ("EXT:private_198_18_7_0_30_half", ["198.18.7.0/31"])
    page.until(lambda: "edits" not in page.state)


@pytest.mark.parametrize("edits", ["x", '[["EXT:ip_8_8_8_8"]]', '{"a":1}', "[null]"])
def test_edits_that_are_not_edits_are_none(open_page: Open, source: Fixed, edits: str) -> None:
    page = open_page(source)
    page.open(f"peers?{urlencode({'namespace': 'mon', 'edits': edits})}")
    assert page.labelled("Name").get_attribute("value") == "EXT:ip_8_8_8_8"


def test_a_label_that_is_not_valid_is_told(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("peers?namespace=mon")
    field = page.labelled("Name")
    field.clear()
    field.send_keys("8 balls")
    page.button("Apply 1 label").click()
    page.until(lambda: '"8 balls" is not a valid name of a label' in page.text(".notice.error"))
    assert labels(source) == [("Ours", ["10.0.0.0/8"])]


def test_the_labels_as_yaml(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("peers?kind=flowcollector")
    page.labelled("take EXT:ip_8_8_8_8").click()
    page.button("Show YAML").click()
    page.until(lambda: 'name: "EXT:ip_8_8_8_8"' in page.text("pre"))
    assert "kind: FlowCollector" in page.text("pre")
    page.accessible("peers-yaml")


def test_hostile_names_are_text(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("peers?namespace=shop")
    assert "shop/<img src=x onerror=alert(1)>\\u202e" in page.text(".proposal:nth-child(2)")
    assert page.all("main img") == []


def test_what_never_answered_is_asked_for(open_page: Open) -> None:
    page = open_page(Fixed(seen(frame(edge("shop/web", "8.8.8.8", 22, state="attempted")))))
    page.open("peers")
    assert "Every peer has a name" in page.text(".empty")
    page.labelled("also peers that never answered").click()
    page.until(lambda: names(page) == ["take EXT:ip_8_8_8_8"])
    assert page.state == "peers?every=true"
    page.driver.back()
    page.until(lambda: page.all(".empty"))


@pytest.mark.parametrize("window", [LAPTOP, DESKTOP, PHONE])
def test_it_is_accessible_and_fits(open_page: Open, source: Fixed, window: Window) -> None:
    page = open_page(source)
    page.open("peers", window=window)
    page.accessible(f"peers-{window.width}")
    wide = page.browser.run("return document.documentElement.scrollWidth")
    assert wide <= window.width
