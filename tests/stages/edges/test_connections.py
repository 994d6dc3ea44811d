"""Flows of one connection give one text, whichever way they went."""

from __future__ import annotations

from pipeline.testing import frame
from stages.edges.connections import FIELDS, SEPARATOR, asked

FLOW = {"SrcAddr": "10.0.0.1", "SrcPort": 40_000, "DstPort": 443, "Proto": 6, "Flags": 2}
WEB = {"SrcK8S_OwnerType": "Deployment", "SrcK8S_Namespace": "shop", "SrcK8S_OwnerName": "web"}


def parts(*flows: dict[str, object]) -> list[list[str] | None]:
    texts = asked(frame(list(flows)))
    return [None if text is None else text.split(SEPARATOR) for text in texts]


def test_ends_are_owners_or_addresses() -> None:
    node = {"DstK8S_OwnerType": "Node", "DstK8S_OwnerName": "n1", "DstAddr": "10.0.1.1"}
    assert parts(FLOW | WEB | {"DstAddr": "1.1.1.1"}, FLOW | node) == [
        ["Deployment", "shop", "web", "", "", "", "", "1.1.1.1", "TCP", "443"],
        ["", "", "", "10.0.0.1", "Node", "", "n1", "10.0.1.1", "TCP", "443"],
    ]


def test_an_undecided_flow_has_none() -> None:
    assert parts(FLOW | {"DstPort": 40_001, "Flags": 16, "DstAddr": "1.1.1.1"}, {}) == [None, None]


def test_a_protocol_may_be_a_number_or_a_text() -> None:
    named = [row[8] for row in parts(*(FLOW | {"Proto": n} for n in (17, "17", "UDP"))) if row]
    assert named == ["UDP"] * 3
    assert "Proto" in FIELDS
