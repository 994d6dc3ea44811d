from __future__ import annotations

import pytest

from discovery import words
from discovery.freshness import Stale
from discovery.peers import Peers, unnamed
from discovery.proposals import Alternative, AskedName, Proposal, Workload
from tests.discovery.made import edges

S3 = Proposal(
    name="EXT:AWS_S3_eu-west-3",
    cidrs=["3.5.204.0/22"],
    opened=1024,
    provider="AWS",
    service="S3",
    region="eu-west-3",
    list="AWS 2026-10-26",
    roles=("server",),
    workloads=(Workload("noo-loki", "StatefulSet", "loki-ingester"), Workload("", "", "")),
    first_seen=1795888800.0,
    last_seen=1795888860.0,
    addresses=("3.5.205.38", "3.5.205.175"),
    alternatives=(Alternative("EXT:x", "AWS", "EC2", "eu-west-3", ["3.5.204.0/22"]),),
    further=("1.178.90.0/24", "3.2.84.0/24", "3.2.111.0/24", "a", "b"),
    asked_names=(AskedName("s3.amazonaws.com", 2),),
)


def test_the_evidence_of_a_proposal() -> None:
    assert list(words.lines(S3)) == [
        "AWS S3 eu-west-3 (list: AWS 2026-10-26); opens 1,024 addresses, 2 seen",
        "reached by noo-loki/loki-ingester, outside",
        "seen from 2026-11-28T18:00:00Z to 2026-11-28T18:01:00Z",
        "also in AWS EC2 eu-west-3 (3.5.204.0/22)",
        "5 further ranges of this service: 1.178.90.0/24, 3.2.84.0/24, 3.2.111.0/24, a and 1 more",
        "DNS names asked for just before, by co-occurrence: s3.amazonaws.com (before 2 of 2)",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"addresses": ("8.8.8.8",)}, "in no list of ranges; opens 1 address, 1 seen"),
        (
            {"purpose": "private", "addresses": ("10.0.0.1",)},
            (
                "private addresses: a private network, or another special purpose;"
                " opens 1 address, 1 seen"
            ),
        ),
        ({"source": "NetworkPolicy a/b"}, "NetworkPolicy a/b; opens 1 address, none looked for"),
    ],
)
def test_other_origins(given: dict[str, str], said: str) -> None:
    assert words.summary(Proposal(name="x", cidrs=["8.8.8.8/32"], opened=1, **given)) == said  # type: ignore[arg-type] # fields by name


@pytest.mark.parametrize(
    ("roles", "verb"), [(("client",), "reaches"), (("server", "client"), "reached by and reaches")]
)
def test_who_opens_connections(roles: tuple[str, ...], verb: str) -> None:
    one = Proposal(name="x", cidrs=[], opened=1, roles=roles, workloads=(Workload("a", "b", "c"),))
    assert list(words.lines(one))[1] == f"{verb} a/c"


def test_a_stale_label() -> None:
    one = Stale("S3", "AWS", "S3", "eu-west-3", "AWS 2026", ("1.0.0.0/8",), ("2.0.0.0/8",))
    assert words.stale_line(one) == (
        'label "S3" is AWS S3 eu-west-3 (list: AWS 2026) and lacks 1 range: 1.0.0.0/8;'
        " it has 2.0.0.0/8, which the list does not"
    )


def test_notes() -> None:
    assert words.notes(unnamed(edges()), ["AWS"]) == []
    peers = Peers(unnamed(edges()).rows, 3, 4)
    assert words.notes(peers, ["AWS"], 5) == [
        "no connection was established with 3 addresses: left out (--all takes them too)",
        "9 flows beyond a limit of encode_matrix: the addresses were not kept",
    ]
    assert "--ranges FILE" in words.notes(peers, [])[0]
