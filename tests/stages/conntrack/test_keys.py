"""Hashes of the original, to the bit, and what identifies a connection."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.testing import frame, rows
from stages.conntrack.fields import Keys
from stages.conntrack.keys import KeyHasher, hexadecimal
from tests.stages.conntrack.given import GROUPS
from tests.stages.flows import GOLDEN

HASHER = KeyHasher(GROUPS, Keys(groups=["common"], a="src", b="dst"), integers=False)


PRINTED = [
    path
    for path in sorted(GOLDEN.glob("conntrack-*/expected*.jsonl"))
    if path.parent.name != "conntrack-messages"
]
"""Of flows that came as JSON; those of messages have types that are not printed."""


@pytest.mark.parametrize("path", PRINTED, ids=lambda path: path.parent.name)
def test_hashes_of_the_original(path: Path) -> None:
    """Of every flow that it printed, and of connections: their key fields have the same hash.

    Apart from a protocol that is a text, which is a number here.
    """
    printed = [json.loads(line) for line in path.read_text().splitlines()]
    flows = [flow for flow in printed if not isinstance(flow["Proto"], str)]
    found = hexadecimal(HASHER.hashes(frame(flows)).total)
    assert found.to_list() == [flow["_HashId"] for flow in flows]


def test_without_ends_the_groups_alone_make_the_hash() -> None:
    hasher = KeyHasher(GROUPS, Keys(groups=["src", "dst"]), integers=False)
    there = {"SrcAddr": "::1", "DstAddr": "::2"}
    back = {"SrcAddr": "::2", "DstAddr": "::1"}
    first, second, again = hasher.hashes(frame([there, back, there])).total.tolist()
    assert first != second
    assert first == again


def test_the_ends_are_exchanged_field_by_field() -> None:
    """Also where the two fields are of different types, or one is absent."""
    flows = frame(
        [
            {
                "SrcAddr": "::1",
                "SrcPort": 1,
                "DstAddr": "::2",
                "DstPort": 2,
                "Proto": 6,
                "Bytes": 1,
            },
            {"SrcAddr": "::1", "SrcPort": 1, "DstAddr": "::2", "DstPort": 2, "Proto": 6},
            {"SrcAddr": "::3", "DstPort": [4]},
        ]
    )
    assert rows(HASHER.identity(flows, np.array([False, True, True]))) == [
        {"SrcAddr": "::1", "SrcPort": 1, "DstAddr": "::2", "DstPort": 2, "Proto": 6},
        {"SrcAddr": "::2", "SrcPort": 2, "DstAddr": "::1", "DstPort": 1, "Proto": 6},
        {"SrcAddr": None, "SrcPort": [4], "DstAddr": "::3", "DstPort": None, "Proto": None},
    ]


def test_a_list_in_a_key_field_counts_as_absent() -> None:
    hashed = HASHER.hashes(frame([{"Proto": 6}, {"Proto": 6, "SrcPort": [4]}, {"Proto": 17}]))
    absent, with_list, other = hashed.total.tolist()
    assert absent == with_list
    assert absent != other
    assert ("conntrack_hash_errors", 3, ("MissingFieldError", "SrcPort")) in hashed.errors


def test_hexadecimal_has_no_leading_zeros() -> None:
    numbers = [0x0C4FAFA8BE4B2FDA, 1, 2**64 - 1]
    texts = hexadecimal(np.array(numbers, np.uint64)).to_list()
    assert texts == [f"{number:x}" for number in numbers]
