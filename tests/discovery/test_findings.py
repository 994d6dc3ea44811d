"""What is found in edges, lists and labels at once."""

from __future__ import annotations

import polars as pl

from discovery.asked import QUESTIONS
from discovery.findings import Scope, find
from discovery.placing import Rules
from pipeline.kube.subnets import Label
from tests.discovery.made import AWS, SEEN, edge, edges, known

NONE = QUESTIONS.to_frame()


def test_proposals_stale_labels_lists_and_notes() -> None:
    label = Label("S3", ["3.5.224.0/22"])
    given = edges(edge(SEEN[0]), edge("8.8.8.8", state="attempted"))
    found = find(given, NONE, known(*AWS, title="AWS 1"), [label])
    assert [one.name for one in found.proposals] == ["EXT:AWS_S3_eu-west-3"]
    assert [one.name for one in found.stale] == ["S3"]
    assert found.lists == ["AWS 1"]
    assert len(found.notes) == 1
    assert "no connection was established with 1 address:" in found.notes[0]


def test_the_question_is_passed_on() -> None:
    given = edges(
        edge("8.8.8.8", state="attempted", client_namespace="a"),
        edge("8.8.8.9", client_namespace="b"),
    )
    every = find(given, NONE, known(), scope=Scope("a", unanswered=True))
    assert [one.addresses for one in every.proposals] == [("8.8.8.8",)]
    plain = find(given, NONE, known(), scope=Scope(rules=Rules(prefix="x-")))
    assert [one.name for one in plain.proposals] == ["x-ip_8_8_8_9"]


def test_no_cidr_goes_into_a_label() -> None:
    """10.0.0.1 is a machine: a /30 around its neighbours would take its name."""
    given = edges(edge("10.0.0.0"), edge("10.0.0.2"), edge("10.0.0.3"))
    assert [one.cidrs for one in find(given, NONE, known()).proposals] == [["10.0.0.0/30"]]
    found = find(given, NONE, known(), [Label("Machines", ["10.0.0.1/32"])])
    cidrs = sorted(cidr for one in found.proposals for cidr in one.cidrs)
    assert cidrs == ["10.0.0.0/32", "10.0.0.2/31"]


def test_nothing_at_all() -> None:
    found = find(edges(), pl.DataFrame(schema=QUESTIONS), known())
    assert (list(found.proposals), list(found.stale), list(found.lists)) == ([], [], [])
