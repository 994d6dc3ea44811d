"""Single flows in a browser: filtered, turned round, in columns, from memory and from files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from page import recent
from page.recent import FlowsPage
from page.source import Source
from pipeline.cli.kept_flows import kept_in
from pipeline.cli.page_api import page_documents
from tests.real.browser import DESKTOP, PHONE
from tests.support.kept import parquet
from tests.support.paging import Page
from tests.support.seen import Fixed, reference_flows, reference_seen

NAMES = ".scroll tbody td"
TO_PLUGIN = 'DstK8S_OwnerName = "netobserv-plugin"'


@pytest.fixture
def flows(open_page: Callable[..., Page], tmp_path: Path) -> Page:
    """The latest 2,000 flows in memory, all in two files."""
    whole = reference_flows()
    parquet(tmp_path / "a.parquet", whole.head(3000))
    parquet(tmp_path / "b.parquet", whole.tail(whole.height - 3000))
    source: Source = Fixed(reference_seen(), whole.tail(2000))

    def latest(asked: recent.Asked) -> FlowsPage:
        return recent.page(source.flows(), asked)

    more = page_documents(source, "a test", latest=latest, files=kept_in([tmp_path]).page)
    return open_page(source, {name: more[name] for name in ("flows", "about")})


def exported(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text().splitlines()))


def caption(page: Page) -> str:
    return ["", *page.texts(".scroll > table > caption")][-1]


def test_the_latest(flows: Page) -> None:
    flows.open("flows")
    assert caption(flows).startswith("The latest 100 of 2,000 flows. Times in ")
    assert len(flows.all(".scroll tbody tr")) == 100
    edges = flows.all("svg path[stroke-width]")
    assert 0 < len(edges) <= 50
    flows.accessible("flows-latest")


def test_a_filter_back_and_forth_and_swapped(flows: Page) -> None:
    """What is chosen is in the URL; the back button takes it back."""
    flows.open("flows")
    flows.write("Filter", TO_PLUGIN)
    flows.until(lambda: "that fit, of 2,000 kept" in caption(flows))
    to_plugin = flows.texts(NAMES)
    flows.button("Swap").click()
    flows.until(lambda: "SrcK8S_OwnerName" in flows.state)
    flows.until(lambda: flows.texts(NAMES) != to_plugin)
    flows.button("Back and forth").click()
    flows.until(lambda: "both=1" in flows.state)
    flows.driver.back()
    flows.until(lambda: "both=1" not in flows.state)
    flows.driver.back()
    flows.until(lambda: flows.texts(NAMES) == to_plugin)
    assert flows.labelled("Filter").get_attribute("value") == TO_PLUGIN


def test_columns(flows: Page) -> None:
    flows.open("flows")
    flows.one("summary").click()
    flows.click("#columns label", "Dscp")
    flows.until(lambda: flows.texts(".scroll thead th")[-1:] == ["Dscp"])
    assert flows.state.endswith("Packets%2CDscp")
    flows.accessible("flows-columns")


def test_flows_of_files(flows: Page) -> None:
    """All of the recording, not the latest alone; since a time too."""
    flows.open("flows")
    flows.click(".choice label", "in files")
    flows.until(lambda: "all 4,706 of the files looked at" in caption(flows))
    assert "of=files" in flows.state
    flows.accessible("flows-files")
    flows.open("flows?of=files&since=4000000000000")
    assert flows.text(".empty h2") == "Nothing fits"
    assert "2096-10-02" in (flows.labelled("Since").get_attribute("value") or "")
    flows.accessible("flows-nothing")
    flows.button("Show all").click()
    flows.until(lambda: "all 4,706 of the files looked at" in caption(flows))


def test_what_is_wrong_with_a_filter_is_said(flows: Page) -> None:
    flows.open("flows?query=DstPort%20%3D")
    flows.until(lambda: flows.text("#wrong").startswith("query: "))
    flows.accessible("flows-wrong")


def test_protocols_have_names_and_the_number_that_a_filter_takes(flows: Page) -> None:
    flows.open("flows?columns=Proto&query=Proto%20%3D%2017")
    flows.until(lambda: "that fit" in caption(flows))
    assert set(flows.texts(NAMES)) == {"UDP (17)"}


@pytest.mark.parametrize("time", ["abc", "1e30", "-1e16"])
def test_a_time_that_is_none_is_said(flows: Page, time: str) -> None:
    """The controls are there to choose another one."""
    flows.open(f"flows?since={time}")
    flows.until(lambda: flows.text("#wrong").startswith("since: "))
    assert flows.labelled("Since").get_attribute("value") == ""
    flows.open("flows")
    flows.until(lambda: caption(flows).startswith("The latest 100 of 2,000 flows."))


def test_flows_are_exported_as_they_are_filtered(flows: Page, chromium_files: Path) -> None:
    """Not those that are shown alone, and in the columns that are chosen."""
    flows.open("flows?columns=SrcAddr%2CBytes")
    flows.write("Filter", "Bytes > 5000")
    flows.until(lambda: "that fit, of 2,000 kept" in caption(flows))
    number = caption(flows).split(" of ")[1].split(" ")[0].replace(",", "")
    assert int(number) > 100
    flows.button("Export CSV").click()
    flows.until(lambda: flows.text(".outcome") == f"{int(number):,} flows exported")
    file = flows.until(lambda: next(chromium_files.glob("flows*.csv"), None))
    flows.until(lambda: len(exported(file)) == int(number))
    rows = exported(file)
    assert [*rows[0]] == ["SrcAddr", "Bytes"]
    assert min(int(row["Bytes"]) for row in rows) > 5000


def test_wide_and_on_a_phone(flows: Page) -> None:
    flows.open("flows", window=DESKTOP)
    flows.accessible("flows-1920")
    flows.open("flows", window=PHONE)
    flows.accessible("flows-phone")
    width = flows.browser.run("return document.documentElement.scrollWidth")
    assert width <= PHONE.width, "the page itself does not scroll sideways"


def test_where_there_are_sums_alone(open_page: Callable[..., Page]) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("flows")
    assert page.text(".empty h2") == "No flows are kept"
    page.accessible("flows-none")
