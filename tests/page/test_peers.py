"""Proposals for peers as a document."""

from __future__ import annotations

import msgspec
import polars as pl

from page.peers import Peers, PeersPage, peers
from page.source import Seen
from pipeline.kube.subnets import Label
from tests.discovery.made import AWS, SEEN, known
from tests.support.edge_rows import edge, frame
from tests.support.seen import seen

RANGES = known(*AWS, title="AWS 1")


def about(*labels: Label) -> Seen:
    rows = frame(
        edge("shop/web", SEEN[0], 443, bytes=1000, reply_bytes=24),
        edge("mon/prom", "2001:db8:1::7", 9090),
        edge("shop/web", "198.51.100.9", 22, state="attempted"),
    )
    return seen(rows, (), labels)


def test_proposals_with_their_evidence() -> None:
    found = peers(about(), RANGES, Peers())
    assert [one.name for one in found.proposals] == [
        *("EXT:AWS_S3_eu-west-3", "EXT:private_2001:db8:1::7")
    ]
    aws = found.proposals[0]
    assert ([*aws.cidrs], aws.size) == (["3.5.204.0/22"], "1,024 addresses")
    assert list(aws.seen) == [SEEN[0]]
    assert (aws.flows, aws.bytes, aws.ports, aws.roles) == (20, 1024, ("443/TCP",), ("server",))
    assert [one.workload for one in aws.workloads] == ["web"]
    assert str(aws.first_seen) == "2025-10-28T10:00:00Z"
    assert [one.name for one in aws.alternatives] == [
        *("EXT:AWS_EC2_eu-west-3", "EXT:AWS_AMAZON_eu-west-3")
    ]
    said = "AWS S3 eu-west-3 (list: AWS 1); opens 1,024 addresses, 1 seen"
    assert (aws.published, aws.evidence[0]) == ("AWS 1", said)
    assert found.lists == ["AWS 1"]


def test_what_is_asked_for() -> None:
    assert [one.seen for one in peers(about(), RANGES, Peers(namespace="mon")).proposals] == [
        ("2001:db8:1::7",)
    ]
    every = peers(about(), RANGES, Peers(namespace="shop", every=True))
    assert [one.seen for one in every.proposals] == [(SEEN[0],), ("198.51.100.9",)]


def test_labels_that_lack_ranges_and_notes() -> None:
    found = peers(about(Label("S3", ["3.5.224.0/22"]))._replace(beyond=7), RANGES, Peers())
    assert found.stale[0].startswith('label "S3" is AWS S3 eu-west-3 (list: AWS 1) and lacks')
    assert found.notes == [
        "no connection was established with 1 address: left out (--all takes them too)",
        "7 flows beyond a limit of encode_matrix: the addresses were not kept",
    ]


def test_without_peers_there_is_nothing() -> None:
    found = peers(seen(frame()), pl.DataFrame(schema=RANGES.schema), Peers())
    assert (found.proposals, found.stale, found.lists) == ([], [], [])


def test_an_answer_is_as_it_is_described() -> None:
    content = msgspec.json.encode(peers(about(), RANGES, Peers()))
    assert len(msgspec.json.decode(content, type=PeersPage).proposals) == 2


def test_a_network_of_more_addresses_than_a_number_of_javascript_has() -> None:
    wide = seen(frame(edge("shop/web", "", 443, server_address="2001:db8::/32")))
    assert peers(wide, RANGES, Peers()).proposals[0].size == "2^96 addresses"
