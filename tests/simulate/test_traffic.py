"""Connections, and what the agents of their nodes report of them."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest

from simulate.cluster import Peer
from simulate.scenario import EPHEMERAL, FLOW, SYN
from simulate.traffic import DATAGRAM, LASTING, OLD, SHORT, Link, Style, Traffic, repeat

WINDOW = 60_000
PEERS = [
    Peer("10.128.0.3", label="Pods", host=0),
    Peer("10.128.0.4", label="Pods", host=0),
    Peer("10.128.2.3", label="Pods", host=1),
    Peer("172.30.0.9", label="Services"),
    Peer("3.5.204.1"),
]
CLIENT, NEAR, FAR, SERVICE, OUTSIDE = range(5)
PLACES = {
    "client": [CLIENT],
    "clients": [CLIENT, NEAR],
    "near": [NEAR],
    "far": [FAR],
    "both": [NEAR, FAR],
    "outside": [OUTSIDE],
    "service:web": [SERVICE],
}


def flows(*links: Link) -> pl.DataFrame:
    found = Traffic(PEERS, PLACES, WINDOW, Random(0)).flows(links)
    assert found.schema == FLOW
    return found


def seen(frame: pl.DataFrame) -> set[tuple[int, int, int]]:
    """Source, destination and reporter of the flows of clients."""
    opened = frame.filter(pl.col("SrcPort") >= EPHEMERAL)
    return set(opened.select("src", "dst", "reporter").iter_rows())


@pytest.mark.parametrize(
    ("server", "views"),
    [
        ("near", {(CLIENT, NEAR, CLIENT)}),
        ("far", {(CLIENT, FAR, CLIENT), (CLIENT, FAR, FAR)}),
        ("outside", {(CLIENT, OUTSIDE, CLIENT)}),
    ],
)
def test_two_pods_on_two_nodes_are_seen_by_both_agents(
    server: str, views: set[tuple[int, int, int]]
) -> None:
    assert seen(flows(Link("client", server, 80))) == views


def test_a_client_of_a_service_is_seen_with_the_service_and_with_its_endpoint() -> None:
    found = flows(Link("client", "near", 8080, service="web", service_port=80))
    assert seen(found) == {(CLIENT, SERVICE, CLIENT), (CLIENT, NEAR, CLIENT)}
    ports = found.filter(pl.col("SrcPort") >= EPHEMERAL).select("dst", "DstPort").unique()
    assert set(ports.iter_rows()) == {(SERVICE, 80), (NEAR, 8080)}


def test_a_service_whose_endpoints_are_not_seen() -> None:
    found = flows(Link("client", "", 0, service="web", service_port=443))
    assert seen(found) == {(CLIENT, SERVICE, CLIENT)}


def test_every_flow_has_its_reply_with_ports_turned() -> None:
    """It begins a millisecond later."""
    found = flows(Link("clients", "both", 80, every=10))
    forth = found.filter(pl.col("SrcPort") >= EPHEMERAL)
    back = found.filter(pl.col("DstPort") >= EPHEMERAL)
    key = ["src", "dst", "reporter", "SrcPort", "DstPort", "TimeFlowStartMs"]
    turned = back.select(
        src="dst",
        dst="src",
        reporter="reporter",
        SrcPort="DstPort",
        DstPort="SrcPort",
        TimeFlowStartMs=pl.col("TimeFlowStartMs") - 1,
    )
    assert forth.height == back.height > 0
    assert set(forth.select(key).iter_rows()) == set(turned.iter_rows())


@pytest.mark.parametrize(
    ("style", "windows", "forth", "back"),
    [
        (SHORT, 1, {2 | 16 | 512}, {256 | 16 | 512}),
        (LASTING, 4, {2 | 16, 16}, {256 | 16, 16}),
        (OLD, 4, {16}, {16}),
        (DATAGRAM, 1, {None}, {None}),
    ],
)
def test_flags_of_a_connection(
    style: Style, windows: int, forth: set[int | None], back: set[int | None]
) -> None:
    """A long one is reported every 15 s, and only its first window has the opening flags."""
    found = flows(Link("client", "near", 80, style=style))
    sent = found.filter(pl.col("SrcPort") >= EPHEMERAL)
    assert sent.height <= windows
    assert set(sent["Flags"]) == forth
    assert set(found.filter(pl.col("DstPort") >= EPHEMERAL)["Flags"]) == back
    assert set(found["Proto"]) == {17 if style is DATAGRAM else 6}
    opened = sent.filter(pl.col("Flags").fill_null(0) & SYN != 0)
    assert opened.height == (0 if style in {OLD, DATAGRAM} else 1)


def test_a_client_takes_turns_or_keeps_to_one_server() -> None:
    turning = flows(Link("client", "both", 80, every=5))
    keeping = flows(Link("client", "both", 80, every=5, turns=False))
    assert {dst for _, dst, _ in seen(turning)} == {NEAR, FAR}
    assert {dst for _, dst, _ in seen(keeping)} == {NEAR}


def test_a_schedule_begins_when_it_says() -> None:
    """Every so many seconds from the first one on; with none in the window there is no flow."""
    found = flows(Link("client", "near", 80, every=20, first=7))
    starts = found.filter(pl.col("DstPort") == 80)["TimeFlowStartMs"].to_list()
    assert starts == list(range(7_000, WINDOW - 1_000, 20_000))
    assert flows(Link("client", "near", 80, every=20, first=WINDOW)).is_empty()


def test_a_mesh_connects_each_client_to_each_server() -> None:
    found = seen(flows(Link("clients", "both", 80, mesh=True)))
    assert {(src, dst) for src, dst, _ in found} == {
        *((CLIENT, NEAR), (CLIENT, FAR)),
        *((NEAR, NEAR), (NEAR, FAR)),
    }


def test_flows_are_in_the_order_of_their_ends_and_inside_the_window() -> None:
    found = flows(Link("clients", "both", 80, every=5), Link("client", "far", 81, style=LASTING))
    assert found["TimeFlowEndMs"].is_sorted()
    assert found.filter(pl.col("TimeFlowEndMs") < pl.col("TimeFlowStartMs")).height == 0
    assert (found["TimeFlowStartMs"] >= 0).all()
    assert (found["TimeFlowEndMs"] < WINDOW).all()


@pytest.mark.parametrize("more", [0, 1, 5])
def test_a_block_repeats_to_the_exact_number_of_flows(more: int) -> None:
    """What is too much is cut from the beginning; client ports move on, others stay."""
    block = flows(Link("client", "near", 80, every=10))
    wanted = 2 * block.height + more
    parts = list(repeat(block, wanted, WINDOW, 1_000))
    whole = pl.concat(parts)
    assert whole.height == wanted
    last = parts[-1]
    assert last["TimeFlowEndMs"].to_list() == [
        end + 1_000 + (len(parts) - 1) * WINDOW for end in block["TimeFlowEndMs"]
    ]
    assert set(whole.filter(pl.col("SrcPort") < EPHEMERAL)["SrcPort"]) == {80}
    clients = whole.filter(pl.col("SrcPort") >= EPHEMERAL)["SrcPort"]
    assert clients.n_unique() == clients.len()
