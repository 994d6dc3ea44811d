"""Which scheduling group a connection is in."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.testing import frame
from stages.conntrack.fields import Schedule
from stages.conntrack.schedules import Schedules

GROUPS = [
    {"selector": {"Proto": 17}},
    {"selector": {"DstPort": 443, "Proto": "6"}, "end": "1m"},
    {"selector": {"SrcAddr": "::1"}},
    {"end": 7},
]
SCHEDULES = Schedules(msgspec.convert(GROUPS, list[Schedule]))


def test_the_first_group_that_agrees() -> None:
    """Numbers agree with texts of numbers, on both sides; an absent field agrees with nothing."""
    flows: list[dict[str, Any]] = [
        {"Proto": 17, "DstPort": 443, "SrcAddr": "::1"},
        {"Proto": 6, "DstPort": 443, "SrcAddr": "::1"},
        {"Proto": 6, "DstPort": 80, "SrcAddr": "::1"},
        {"Proto": 6, "DstPort": 80, "SrcAddr": "::2"},
        {"DstPort": 443},
    ]
    assert SCHEDULES.groups(frame(flows)).tolist() == [0, 1, 2, 3, 3]
    assert SCHEDULES.groups(frame(flows)[:0]).tolist() == []


def test_names_and_times() -> None:
    assert SCHEDULES.names == [
        "0: Proto=17, ",
        "1: DstPort=443, Proto=6, ",
        "2: SrcAddr=::1, ",
        "3: DEFAULT",
    ]
    assert SCHEDULES.end.tolist() == [10.0, 60.0, 10.0, 7.0]
