"""TCP flags from bits to names."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows.tcp import FLAGS
from pipeline.stage import BuildContext, Step
from pipeline.testing import assert_laws
from stages.tcp_flags import TcpFlags
from tests.stages.flows import Flow, frame, lines, plain, run

IN_PLACE = TcpFlags(name="flags").build(BuildContext())
ASIDE = TcpFlags(name="flags", output="Names").build(BuildContext())


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (530, ["SYN", "ACK", "FIN_ACK"]),
        (784, ["ACK", "SYN_ACK", "FIN_ACK"]),
        (16, ["ACK"]),
        (2, ["SYN"]),
        (1024, ["RST_ACK"]),
        (18, ["SYN", "ACK"]),
        (2047, list(FLAGS.values())),
        (0x8002, ["SYN"]),
    ],
)
def test_bits(bits: int, names: list[str]) -> None:
    """The records of docs/reference/scenario.md#records, every bit, and an unnamed bit."""
    assert run(IN_PLACE, [{"Flags": bits}]) == [{"Flags": names}]
    assert run(ASIDE, [{"Flags": bits}]) == [{"Flags": bits, "Names": names}]


def test_no_known_bit() -> None:
    """An explicit null in place, otherwise the output is left as it is."""
    flows = [{"Flags": 0}, {"Flags": 0x8000}]
    decoded = IN_PLACE(frame(flows))
    assert decoded["Flags"].to_list() == [None, None]
    assert decoded["\x1fFlags"].to_list() == ["null", "null"]
    assert run(ASIDE, [{"Flags": 0, "Names": "kept"}]) == [{"Flags": 0, "Names": "kept"}]


def test_other_values_are_left_alone() -> None:
    flows: list[Flow] = [{"Flags": 2}, {"Flags": "odd"}, {"Flags": None}, {}]
    assert run(IN_PLACE, flows) == [{"Flags": ["SYN"]}, {"Flags": "odd"}, {}, {}]
    assert run(IN_PLACE, [{"a": "b"}]) == [{"a": "b"}]
    decoded = pl.DataFrame({"row": [0], "Flags": [["SYN"]]})
    assert IN_PLACE(decoded).equals(decoded)


def test_golden_json_numbers_are_decoded_too() -> None:
    """A documented difference: the original leaves numbers of JSON flows alone.

    A number that came as text is a number since it was decoded.
    """
    drops = TcpFlags(name="drops", input="PktDropLatestFlags", output="DropFlags").build(
        BuildContext()
    )
    flows = frame(lines("network-tcp-flags-json", "flows.jsonl"))
    assert plain(drops(IN_PLACE(flows))) == [
        {"Flags": ["SYN", "ACK"], "PktDropLatestFlags": 2, "DropFlags": ["SYN"]},
        {},
        {"Flags": ["ACK"]},
        {"Flags": ["SYN"]},
        {},
    ]


FLOWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "Flags": st.sampled_from([0, 2, 18, 65535, "x", ["SYN"], 1.5, None]),
            "Names": st.sampled_from(["kept", 1]),
        },
    ),
    min_size=1,
    max_size=10,
)


@pytest.mark.parametrize("step", [IN_PLACE, ASIDE])
@given(flows=FLOWS, cut=st.integers(0, 10))
def test_laws(step: Step, flows: list[dict[str, Any]], cut: int) -> None:
    assert_laws(step, flows, cut)
