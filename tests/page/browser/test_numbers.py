"""Numbers as every view shows them: with a unit, a word or a heading that says what they count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from matrix.approved import approve, dump
from page import health
from page.query import asked
from page.recent import DESCRIBED as FLOWS
from page.recent import Asked, Pages
from pipeline.app.documents import Extra
from pipeline.flows.compressed import Compressed
from tests.real.npm import node
from tests.support.edge_rows import edge, frame
from tests.support.numbers import bare
from tests.support.paging import Page
from tests.support.seen import Fixed, reference_flows, reference_seen

FORMAT = Path(health.__file__).parent / "static" / "format.js"
CHECKED = (
    "namespace=netobserv&from=netobserv/netobserv-plugin&to=netobserv/flowlogs-pipeline&port=22"
)
WORKER = health.WorkerHealth(
    worker="",
    reason="",
    version="1",
    stages=[
        health.StageHealth(
            name="flows",
            kind="ingest_kafka",
            flows_in=1_234_567,
            flows_out=1_234_565,
            filtered=0,
            rejected=2,
            flows_per_second=1_234.5,
            micros=1.25,
            rejecting=False,
        )
    ],
    partitions=[
        health.PartitionHealth(
            topic="flows", partition=3, offset=1_234, lag=5_678, rejected=2, lost=0, age=1_234.5
        )
    ],
    rejects=[health.Rejected("it cannot be read", 2)],
    series=[health.SeriesHealth(metric="bytes", series=1_999, limit=2_000, overflowed=0)],
    cluster=[health.KindHealth(kind="Pod", objects=10_000, synced=True, stale=70.0, errors=1)],
)


@pytest.fixture
def page(open_page: Callable[..., Page], tmp_path: Path) -> Page:
    """All that the views show: edges that differ from the approved ones, flows, a worker."""
    known = reference_seen()
    nameless = frame(
        *(edge("netobserv/flowlogs-pipeline", f"198.18.7.{at}", 443) for at in range(4))
    )
    edges = pl.concat([known.edges(), nameless])
    source = Fixed(known._replace(kept=Compressed(edges)), reference_flows())
    source.metrics = tmp_path
    source.approved = tmp_path / "approved.yaml"
    source.approved.write_text(dump(approve(edges.head(5))))
    flows = Compressed(source.flows())
    pages = Pages(lambda: flows)
    found: Any = health.HealthPage([WORKER])
    more = {
        "flows": Extra(lambda query: pages.page(asked(query, Asked)), FLOWS),
        "health": Extra(lambda _: found, health.DESCRIBED),
    }
    return open_page(source, more)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("matrix", ".cell.filled"),
        ("matrix?namespace=netobserv&cells=numbers", ".cell.filled"),
        ("table", "tbody td"),
        ("peers", ".proposal"),
        ("policy?namespace=netobserv", ".figures"),
        (f"policy?{CHECKED}", ".opinion"),
        ("drift", "tbody td"),
        ("flows", "tbody td"),
        ("metrics", ".result tbody td"),
        ("health", ".figures"),
    ],
)
def test_no_number_is_bare(page: Page, state: str, shown: str) -> None:
    page.open(state)
    page.one(shown)
    page.settled()
    assert bare(page) == []


def test_no_number_of_the_panel_is_bare(page: Page) -> None:
    page.open("table?namespace=netobserv")
    page.click("tbody th a")
    page.until(lambda: "Traffic" in page.text("#panel"))
    assert bare(page) == []


def test_a_bare_number_is_found(page: Page) -> None:
    """What the tests before this one look for is seen where it is there."""
    page.open("table")
    page.browser.run("document.querySelector('main h1').after('new 1,234')")
    assert bare(page) == [": new 1,234"]


def test_numbers_are_written_in_one_way() -> None:
    script = (
        f"import('{FORMAT.as_uri()}').then((f) => console.log(JSON.stringify(["
        "f.count(1234567), f.short(1234, 'flow'), f.short(1, 'flow'), f.bytes(0), f.bytes(1023),"
        "f.bytes(1536), f.bytes(2 ** 40 * 1.5), f.seconds(0), f.seconds(1234.56), f.micros(0.1),"
        "f.share(999, 1000), f.share(9999, 10000), f.share(6, 5), f.share(0, 0),"
        "f.many(1, 'edge'), f.many(1234, 'edge'), f.many(2, 'series'), f.of(2, 1234, 'edge')])))"
    )
    done = node("--input-type=module", "--eval", script)
    assert done.stderr == ""
    assert msgspec.json.decode(done.stdout) == [
        *("1,234,567", "1.2K flows", "1 flow", "0 B", "1,023 B"),
        *("1.5 KiB", "1.5 TiB", "0.0 s", "1,234.6 s", "0.10 µs"),
        *("99.9 %", "99.9 %", "120 %", "\N{EN DASH}"),
        *("1 edge", "1,234 edges", "2 series", "2 of 1,234 edges"),
    ]
