"""A FlowMetric in a browser: tried as it is written, and saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from page.source import Source
from tests.real.browser import DESKTOP, LAPTOP, PHONE, Window
from tests.support.paging import Page
from tests.support.seen import Fixed, reference_flows, reference_seen

Open = Callable[[Source], Page]
KEPT = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {name: by-port, namespace: netobserv}
spec: {type: Counter, labels: [DstPort], filters: [{field: Proto, value: "17"}]}
"""


@pytest.fixture
def source(tmp_path: Path) -> Fixed:
    found = Fixed(reference_seen(), reference_flows())
    found.metrics = tmp_path
    (tmp_path / "by-port.yaml").write_text(KEPT)
    return found


def figures(page: Page) -> dict[str, str]:
    found = page.browser.run(
        "return [...document.querySelectorAll('.figures div')].map("
        "(one) => [one.querySelector('dt').textContent, one.querySelector('dd').textContent])"
    )
    return dict(found)


def write(page: Page, old: str, new: str) -> None:
    """Change the text as a viewer does, letter events included."""
    page.browser.run(
        "const area = document.querySelector('textarea');"
        "area.value = area.value.replace(arguments[0], arguments[1]);"
        "area.dispatchEvent(new Event('input', {bubbles: true}));",
        old,
        new,
    )


def test_a_new_one_is_tried_at_once(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("metrics")
    page.until(lambda: page.all(".figures"))
    assert page.text(".result h2") == "workload_bytes"
    flows = f"{source.flows().height:,}"
    assert figures(page)["latest flows"] == flows
    assert int(figures(page)["series now"]) > 1
    assert page.texts(".result caption") == [
        "Its steps, in their order",
        "Its labels: those with many values make many series",
        "The series with the largest values",
    ]


def test_one_that_is_counted_is_picked(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("metrics")
    page.until(lambda: len(page.all(".controls option")) == 2)
    page.choose("main .controls select", "by-port.yaml")
    page.until(lambda: page.text(".result h2") == "by_port")
    assert page.labelled("FlowMetric, as YAML").get_attribute("value") == KEPT
    assert page.texts(".result tbody th")[0] == 'Proto is "17"'
    assert "resource=" in page.state
    page.open(page.state)
    page.until(lambda: page.text(".result h2") == "by_port")


def test_what_was_written_before_one_is_picked_comes_back(open_page: Open, source: Fixed) -> None:
    """The list says which file the text is of, and the back button takes the choice back."""
    page = open_page(source)
    page.open("metrics")
    page.until(lambda: len(page.all(".controls option")) == 2)
    write(page, "workload-bytes", "mine")
    page.until(lambda: page.text(".result h2") == "mine")
    picked = "main .controls select"
    page.until(lambda: page.labelled("Begin with").get_attribute("value") == "/")
    page.choose(picked, "by-port.yaml")
    page.until(lambda: page.text(".result h2") == "by_port")
    assert page.labelled("Begin with").get_attribute("value") == "by-port.yaml"
    page.driver.back()
    page.until(lambda: page.text(".result h2") == "mine")
    page.choose(picked, "")
    page.until(lambda: page.text(".result h2") == "workload_bytes")
    assert page.labelled("Begin with").get_attribute("value") == ""


def test_what_is_wrong_is_told_with_its_line(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("metrics")
    page.until(lambda: page.all(".figures"))
    write(page, "SrcK8S_Namespace", "SrcK8S_Namespac")
    page.until(lambda: "is not a field of a flow" in page.text("#problems"))
    assert 'did you mean "SrcK8S_Namespace"?' in page.text("#problems")
    assert not page.button("Save").is_enabled()
    area = page.one("textarea")
    assert area.get_attribute("aria-invalid") == "true"
    page.accessible("metrics-wrong")
    page.button("line 10").click()
    assert page.browser.run(
        "const area = document.querySelector('textarea');"
        "return area === document.activeElement && area.value.slice(area.selectionStart,"
        " area.selectionEnd)"
    ).startswith("SrcK8S_Namespac,")
    write(page, "SrcK8S_Namespac,", "SrcK8S_Namespace,")
    page.until(lambda: page.button("Save").is_enabled())


def test_a_metric_of_many_series_is_warned_of(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("metrics")
    page.until(lambda: page.all(".figures"))
    write(page, "DstK8S_OwnerName]", "SrcPort]")
    page.until(lambda: "cardinality careful" in page.text("#problems"))
    assert "careful" in page.texts(".result .badge")
    now, later = (
        int(figures(page)[name].replace(",", ""))
        for name in (*("series now", "series to come, at least"),)
    )
    assert later > now > 100
    page.accessible("metrics-cardinality")


def test_it_is_saved(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("metrics")
    page.until(lambda: page.button("Save").is_enabled())
    page.button("Save").click()
    page.until(lambda: "Saved as workload-bytes.yaml" in page.text(".outcome"))
    assert source.metrics
    text = (source.metrics / "workload-bytes.yaml").read_text()
    assert text == page.one("textarea").get_attribute("value")
    page.until(lambda: "workload-bytes.yaml" in page.texts(".controls option"))


def test_why_it_is_not_saved_is_told(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("metrics")
    page.until(lambda: page.button("Save").is_enabled())
    write(page, "name: workload-bytes", "name: by.port")
    page.until(lambda: page.text(".result h2") == "by_port")
    page.button("Save").click()
    page.until(lambda: 'both expose the metric "by_port"' in page.text(".notice.error"))


def test_a_metric_that_counts_nothing_says_where_flows_go(open_page: Open, source: Fixed) -> None:
    page = open_page(source)
    page.open("metrics")
    page.until(lambda: page.all(".figures"))
    write(page, "matchType: Presence", "value: nobody")
    page.until(lambda: figures(page)["flows counted"] == "0")
    assert "No flow is counted: see which step filters them." in page.text(".result")
    assert page.texts(".result tbody tr:first-child td")[1] == f"{source.flows().height:,}"


def test_without_flows_it_says_so(open_page: Open, source: Fixed) -> None:
    page = open_page(Fixed(source.found))
    page.open("metrics")
    page.until(lambda: page.text(".empty h2") == "There are no flows yet")
    page.accessible("metrics-empty")


@pytest.mark.parametrize("window", [LAPTOP, DESKTOP, PHONE])
def test_it_is_accessible_and_fits(open_page: Open, source: Fixed, window: Window) -> None:
    page = open_page(source)
    page.open("metrics", window=window)
    page.until(lambda: page.all(".figures"))
    page.accessible(f"metrics-{window.width}")
    wide = page.browser.run("return document.documentElement.scrollWidth")
    assert wide <= window.width
