"""Queries turned round: every field of one end is that of the other end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows.catalogue import CATALOGUE
from pipeline.predicate import query
from pipeline.predicate.both_ways import both_ways, opposite, turned
from pipeline.testing import frame

TURNED = [
    ("SrcPort = 443", "DstPort = 443"),
    ('SrcAddr in "10.0.0.0/8" and DstPort = 53', 'DstAddr in "10.0.0.0/8" and SrcPort = 53'),
    ("with(SrcK8S_Name) or without(DstK8S_Name)", "with(DstK8S_Name) or without(SrcK8S_Name)"),
    ('SrcK8S_Zone != "a" and DstMac =~ "^0"', 'DstK8S_Zone != "a" and SrcMac =~ "^0"'),
    ('SrcAddr = "$(DstAddr):$(Bytes)"', 'DstAddr = "$(SrcAddr):$(Bytes)"'),
    ("XlatSrcPort > 5 and Bytes >= 1", "XlatDstPort > 5 and Bytes >= 1"),
    ("SrcTeam = 1", "DstTeam = 1"),
    ("IfDirections = 1 and MySrc = 2", "IfDirections = 1 and MySrc = 2"),
]


@pytest.mark.parametrize(("one", "other"), TURNED)
def test_turned(one: str, other: str) -> None:
    assert turned(query.parse(one)) == query.parse(other)
    assert turned(turned(query.parse(one))) == query.parse(one)


@given(st.sampled_from(sorted(CATALOGUE)))
def test_every_field_has_its_opposite(name: str) -> None:
    assert opposite(opposite(name)) == name
    assert opposite(name) in CATALOGUE
    assert (opposite(name) != name) == ("Src" in name or "Dst" in name)


def test_a_flow_that_matches_both_ways_is_there_once() -> None:
    """The requests, the replies, and what one end sends to itself; nothing else."""
    flows: list[dict[str, Any]] = [
        {"id": 1, "SrcK8S_Namespace": "a", "DstK8S_Namespace": "b"},
        {"id": 2, "SrcK8S_Namespace": "b", "DstK8S_Namespace": "a"},
        {"id": 3, "SrcK8S_Namespace": "a", "DstK8S_Namespace": "a"},
        {"id": 4, "SrcK8S_Namespace": "b", "DstK8S_Namespace": "b"},
        {"id": 5, "DstK8S_Namespace": "a"},
    ]
    found = frame(flows)
    condition = both_ways(query.parse('SrcK8S_Namespace = "a"'))
    assert found.filter(condition.expr(found.schema))["id"].to_list() == [1, 2, 3, 5]
