"""What is proposed for peers, and the evidence."""

from __future__ import annotations

import ipaddress

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from discovery import networks
from discovery.asked import QUESTIONS
from discovery.peers import unnamed
from discovery.placing import Rules
from discovery.proposals import Alternative, AskedName, Proposal, Workload, propose
from tests.discovery.made import AWS, LOKI, SEEN, edge, edges, known

NO_QUESTIONS = QUESTIONS.to_frame()


def proposed(
    given: pl.DataFrame,
    ranges: pl.DataFrame | None = None,
    questions: pl.DataFrame = NO_QUESTIONS,
    rules: Rules | None = None,
    *,
    whole: bool = False,
) -> list[Proposal]:
    ranges = known() if ranges is None else ranges
    return propose(unnamed(given).rows, ranges, questions, rules, whole=whole)


def loki(address: str, workload: str, **fields: object) -> dict[str, object]:
    return edge(address, **LOKI, client_workload=workload, **fields)


def test_the_three_addresses_of_the_post() -> None:
    """The narrowest service, the range they are in, the others, and what else the service has."""
    questions = [("noo-loki", "StatefulSet", "loki-ingester", "s3.eu-west-3.amazonaws.com", 990.0)]
    (one,) = proposed(
        edges(
            loki(SEEN[0], "loki-ingester", flows=7, reply_bytes=900),
            loki(SEEN[1], "loki-index-gateway", last_seen=2500.0),
            loki(SEEN[2], "loki-ingester", first_seen=800.0),
        ),
        known(*AWS, title="AWS 2026-10-26"),
        pl.DataFrame(questions, QUESTIONS, orient="row"),
    )
    assert one == Proposal(
        name="EXT:AWS_S3_eu-west-3",
        cidrs=["3.5.204.0/22"],
        opened=1024,
        provider="AWS",
        service="S3",
        region="eu-west-3",
        list="AWS 2026-10-26",
        roles=("server",),
        workloads=(
            Workload("noo-loki", "StatefulSet", "loki-index-gateway"),
            Workload("noo-loki", "StatefulSet", "loki-ingester"),
        ),
        ports=("443/TCP",),
        flows=9,
        bytes=1200,
        first_seen=800.0,
        last_seen=2500.0,
        addresses=("3.5.205.38", "3.5.205.175", "3.5.206.141"),
        alternatives=(
            Alternative("EXT:AWS_EC2_eu-west-3", "AWS", "EC2", "eu-west-3", ["3.5.204.0/22"]),
            Alternative("EXT:AWS_AMAZON_eu-west-3", "AWS", "AMAZON", "eu-west-3", ["3.5.204.0/22"]),
        ),
        further=(
            *("1.178.90.0/24", "3.2.84.0/24", "3.2.111.0/24", "3.5.224.0/22", "13.36.84.48/28"),
            *("13.36.84.64/28", "16.12.18.0/23", "16.12.20.0/24", "52.95.154.0/23"),
            *("52.95.156.0/24", "2600:1ffa:8000::/40"),
        ),
        asked_names=(AskedName("s3.eu-west-3.amazonaws.com", 1),),
    )


def test_a_whole_service() -> None:
    (one,) = proposed(edges(loki(SEEN[0], "loki-ingester")), known(*AWS), whole=True)
    assert len(one.cidrs) == 12
    assert one.further == ()
    assert one.opened == networks.size(one.cidrs)


def test_without_lists_addresses_stay_alone() -> None:
    found = proposed(edges(*(loki(address, "loki-ingester") for address in SEEN)))
    assert [(one.cidrs, one.opened) for one in found] == [
        (["3.5.205.175/32"], 1),
        (["3.5.205.38/32"], 1),
        (["3.5.206.141/32"], 1),
    ]


def test_most_bytes_first_and_ports_in_order() -> None:
    found = proposed(
        edges(
            edge("8.8.8.8", port=443, bytes=1),
            edge("9.9.9.9", port=8443),
            edge("9.9.9.9", port=53, protocol="UDP"),
            edge("9.9.9.9", port=None, protocol="ICMP"),
        )
    )
    assert [one.name for one in found] == ["EXT:ip_9_9_9_9", "EXT:ip_8_8_8_8"]
    assert found[0].ports == ("ICMP", "53/UDP", "8443/TCP")


def test_a_peer_that_is_both() -> None:
    inward = {"client_kind": "", "client_namespace": "", "client_workload": ""}
    server = {"server_kind": "Deployment", "server_namespace": "shop", "server_workload": "web"}
    given = edges(edge("8.8.8.8"), edge(**inward, **server, client_address="8.8.8.8"))
    (one,) = proposed(given)
    assert one.roles == ("server", "client")


def test_no_peers() -> None:
    assert proposed(edges(), known(*AWS)) == []


ADDRESSES = st.one_of(
    st.integers(0, 500).map(lambda n: str(ipaddress.ip_address((8 << 24) + n))),
    st.integers(0, 2000).map(lambda n: str(ipaddress.ip_address(0x0305CC00 + n))),
    st.ip_addresses().map(str),
)


@given(st.sets(ADDRESSES, max_size=40), st.integers(1, 9))
def test_proposals_are_what_they_say(addresses: set[str], spread: int) -> None:
    """Each address is in the CIDRs of one proposal; what is opened is bounded, or a range."""
    ranges = known(*AWS)
    found = proposed(edges(*map(edge, addresses)), ranges, rules=Rules(spread=spread))
    assert sorted(a for one in found for a in one.addresses) == sorted(addresses)
    assert len({one.name for one in found}) == len(found)
    published = set(ranges["cidr"])
    for one in found:
        assert networks.beyond(one.addresses, one.cidrs) == []
        assert one.opened == networks.size(one.cidrs)
        assert (
            set(one.cidrs) <= published
            if one.provider
            else one.opened <= spread * len(one.addresses)
        )
        assert all(networks.beyond([cidr], one.cidrs) == [cidr] for cidr in one.further)
    assert sum(one.flows for one in found) == len(addresses)
