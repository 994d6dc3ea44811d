"""The panel of an edge in a browser."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import msgspec
import pytest

from matrix.edges import Evidence
from page.ends import KEY
from page.source import Source
from tests.real.browser import DESKTOP, LAPTOP, PHONE, Window
from tests.support.edge_rows import edge, frame
from tests.support.paging import Page
from tests.support.seen import Fixed, seen

Open = Callable[[Source], Page]
ROW = edge(
    "shop/web",
    "label:AWS_S3",
    443,
    evidence="syn",
    attempted=1234,
    accepted=1200,
    refused=4,
    dropped=2,
    allowed=7,
    denied=3,
    repeated=5,
    sampling=50,
    bytes=3 * 2**20,
    services=["shop/s3:443"],
    drop_causes=["SKB_DROP_REASON_TCP_OLD_DATA"],
    policies=["allowed shop/egress", "denied shop/default"],
    tls_versions=["TLS 1.2", "TLS 1.3"],
    zones=["eu-west-3a"],
    dns_names=["s3.eu-west-3.amazonaws.com"],
    days=["2026-02-26", "2026-03-02"],
)


def address(row: dict[str, object]) -> str:
    key = msgspec.json.encode([row[name] for name in KEY]).decode()
    return f"matrix?{urlencode({'namespace': 'shop', 'edge': key})}"


@pytest.mark.parametrize("window", [LAPTOP, DESKTOP, PHONE])
def test_everything_that_is_known_is_shown(open_page: Open, window: Window) -> None:
    page = open_page(Fixed(seen(frame(ROW))))
    page.open(address(ROW), window=window)
    page.until(lambda: "Zones" in page.text("#panel"))
    text = page.text("#panel")
    for part in (
        "shop/web → AWS_S3 TCP 443",
        "established",
        "The client's first packet was seen (SYN)",
        "Connections: 1,234 opened, 1,200 answered, 4 reset.",
        "2 flows with dropped packets.",
        "By policies: 7 flows allowed, 3 flows denied.",
        "5 flows reported by both nodes, counted once.",
        "Sampled: one packet in 50.",
        "3.0 MiB",
        "2 days with flows.",
        "SKB_DROP_REASON_TCP_OLD_DATA",
        "denied shop/default",
        "shop/s3:443",
        "s3.eu-west-3.amazonaws.com",
        "TLS 1.3",
        "eu-west-3a",
    ):
        assert part in text
    page.accessible(f"edge-{window.width}")


def test_times_are_in_the_zone_of_the_viewer(open_page: Open) -> None:
    """The same moment is later in the day where the sun rises earlier."""
    page, override = open_page(Fixed(seen(frame(ROW)))), "Emulation.setTimezoneOverride"
    try:
        for zone, said in (("UTC", "UTC"), ("Asia/Tokyo", "GMT+9"), ("Asia/Kolkata", "GMT+5:30")):
            page.driver.execute_cdp_cmd(override, {"timezoneId": zone})
            page.open(address(ROW))
            page.until(lambda said=said: said in page.text("#panel"))  # type: ignore[misc] # of the loop
    finally:
        page.driver.execute_cdp_cmd(override, {"timezoneId": ""})


def test_the_time_line_has_the_days_between_too(open_page: Open) -> None:
    page = open_page(Fixed(seen(frame(ROW))))
    page.open(address(ROW))
    days = page.until(lambda: page.texts(".days .unseen"))
    assert days == [
        *("2026-02-26: flows", "2026-02-27: no flows", "2026-02-28: no flows"),
        *("2026-03-01: no flows", "2026-03-02: flows"),
    ]


def test_a_time_line_that_is_cut_says_so(open_page: Open) -> None:
    row = ROW | {"days": ["2025-10-01", "2026-03-02"]}
    page = open_page(Fixed(seen(frame(row))))
    page.open(address(row))
    days = page.until(lambda: page.texts(".days .unseen"))
    assert (len(days), days[0], days[-1]) == (92, "2025-12-01: no flows", "2026-03-02: flows")
    assert "2 days with flows. The latest 92 days:" in page.text("#panel")


@pytest.mark.parametrize("evidence", list(Evidence))
def test_evidence_is_explained_in_words(open_page: Open, evidence: Evidence) -> None:
    row = ROW | {"evidence": evidence.value}
    page = open_page(Fixed(seen(frame(row))))
    page.open(address(row))
    page.until(lambda: "Evidence" in page.text("#panel"))
    said = page.texts("#panel section:nth-of-type(2) p")[0]
    assert said.endswith(".")
    assert evidence.value not in said.split()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("matrix?edge=x", "is not the key of an edge"),
        ("matrix?edge=%5B1%5D", "This is not an edge"),
        (address(ROW | {"port": 1}), "no edge with these ends was seen or is approved"),
    ],
)
def test_what_is_no_edge_is_told(open_page: Open, state: str, said: str) -> None:
    page = open_page(Fixed(seen(frame(ROW))))
    page.open(state)
    page.until(lambda: said in page.text("#panel"))
    page.accessible(f"edge-{said.split(maxsplit=1)[0]}-{said.split()[1]}")


def test_the_panel_follows_the_url(open_page: Open) -> None:
    page = open_page(Fixed(seen(frame(ROW, edge("shop/web", "shop/db", 5432)))))
    page.open("table?sort=port")
    page.all("tbody th a")[0].click()
    page.until(lambda: "AWS_S3" in page.text("#panel h2"))
    assert page.texts("tr.selected td:nth-of-type(1)") == ["AWS_S3"]
    page.until(lambda: page.all("tbody th a")[1]).click()
    page.until(lambda: "shop/db" in page.text("#panel h2"))
    page.driver.back()
    page.until(lambda: "AWS_S3" in page.text("#panel h2"))
    page.driver.back()
    page.until(lambda: not page.one("#panel").is_displayed())
