"""Which end of a flow is the server; tests/stages/test_encode_matrix.py shows all that decides."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows.orientation import (
    ABORTED,
    BASES,
    BASIS,
    CLIENT_PORT,
    FORWARD,
    OPEN,
    PORT,
    REFUSED,
    oriented,
)
from pipeline.testing import frame


def test_a_row_for_each_flow() -> None:
    flows: list[dict[str, Any]] = [
        {"SrcPort": 40_000, "DstPort": 443, "Proto": 6, "Flags": 2},
        {"SrcPort": 443, "DstPort": 40_000, "Proto": 6, "Flags": 1024},
        {"SrcAddr": "b", "DstAddr": "a", "SrcPort": 2_000, "DstPort": 1_500},
        {},
    ]
    found = oriented(frame(flows))
    assert found.columns == [FORWARD, BASIS, PORT, CLIENT_PORT, REFUSED, ABORTED, OPEN]
    named = [(row[0], BASES[row[1]], *row[2:-2]) for row in found.rows()]
    assert named == [
        (True, "syn", 443, 40_000, False),
        (False, "well_known", 443, 40_000, True),
        (False, "", 2_000, 1_500, False),
        (True, "", None, None, False),
    ]


@pytest.mark.parametrize("port", [0, -1, 65_536, 70_000, 2**40, "x", None, 1.5])
def test_a_port_that_is_none(port: object) -> None:
    [row] = oriented(frame([{"SrcPort": port, "DstPort": 443, "Proto": 6}])).rows(named=True)
    assert row[CLIENT_PORT] == (1 if port == 1.5 else None)
    assert row[PORT] == 443


def test_flags_of_other_protocols_say_nothing() -> None:
    """So a row of UDP never has SYN as its evidence; a flow without a protocol may be of TCP."""
    flow = {"SrcPort": 53, "DstPort": 40_000, "Flags": 2}
    flows = [flow | proto for proto in ({"Proto": 17}, {"Proto": 132}, {"Proto": 6}, {})]
    found = oriented(frame(flows))
    assert [BASES[basis] for basis in found[BASIS]] == ["well_known", "well_known", "syn", "syn"]
    assert found[FORWARD].to_list() == [False, False, True, True]
    reset = oriented(frame([{"SrcPort": 53, "DstPort": 40_000, "Proto": 17, "Flags": 4}]))
    assert reset[REFUSED].to_list() == [False]


ENDS = st.tuples(st.sampled_from("ab"), st.sampled_from([0, 53, 443, 2_000, 3_000, 40_000, 50_000]))


@given(ENDS, ENDS, st.sampled_from([6, 17, 132]))
def test_ports_say_the_same_of_both_directions(
    src: tuple[str, int], dst: tuple[str, int], proto: int
) -> None:
    """Client, server and their ports, whichever way the flow goes."""

    def flow(src: tuple[str, int], dst: tuple[str, int]) -> dict[str, Any]:
        ends = {"SrcAddr": src[0], "SrcPort": src[1], "DstAddr": dst[0], "DstPort": dst[1]}
        return ends | {"Proto": proto}

    there, back = oriented(frame([flow(src, dst), flow(dst, src)])).rows(named=True)
    assert there[BASIS] == back[BASIS]
    assert there[FORWARD] != back[FORWARD] or src == dst
    assert (there[PORT], there[CLIENT_PORT]) == (back[PORT], back[CLIENT_PORT])


def test_flags_that_were_guessed_count_as_the_bits_of_headers() -> None:
    """An exporter's flow with SYN and ACK: what was made of it must not be better evidence."""
    ends = [(40_000, 443), (443, 40_000), (40_000, 50_000)]
    told = [18, 272, 16]
    literal = [{"SrcPort": src, "DstPort": dst, "Proto": 6, "Flags": 18} for src, dst in ends]
    guessed = [
        flow | {"Flags": flags, "FlagsEvidence": "uncertain"}
        for flow, flags in zip(literal, told, strict=True)
    ]
    assert oriented(frame(guessed)).equals(oriented(frame(literal)))
    mixed = oriented(frame([*guessed, {"SrcPort": 1, "DstPort": 2, "Proto": 6, "Flags": 2}]))
    assert mixed[-1, FORWARD] is True


def test_flows_that_share_an_address_and_say_nothing_else() -> None:
    """A column of one value for all of them."""
    flows = frame([{"Bytes": 1}, {"Bytes": 2}]).with_columns(pl.lit("10.0.0.1").alias("DstAddr"))
    assert oriented(flows)[FORWARD].to_list() == [True, True]
