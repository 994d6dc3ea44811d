"""Records to flows: the original's answers, what it crashes on, and neighbours of bad bytes."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.flows import values
from pipeline.flows.catalogue import CATALOGUE
from pipeline.testing import Flow, rows
from tests.support.records import DECODE, NOW, decode_for, message_class, record

GOLDEN = Path(__file__).parent.parent / "golden"


def read(case: str) -> list[bytes]:
    lines = (GOLDEN / case / "messages.jsonl").read_text().splitlines()
    return [base64.b64decode(json.loads(line)["value_b64"]) for line in lines]


def expected(case: str) -> list[Flow]:
    return [
        json.loads(line) for line in (GOLDEN / case / "expected.jsonl").read_text().splitlines()
    ]


GOOD = record(bytes=7).SerializeToString()


def test_every_field_as_the_original() -> None:
    decoded = DECODE(read("decode-pb-full"))
    assert decoded.rejected == []
    assert [row | {"TimeReceived": 0} for row in rows(decoded.flows)] == [
        row | {"TimeReceived": 0} for row in expected("decode-pb-full")
    ]
    assert decoded.flows["TimeReceived"].unique().to_list() == [int(NOW)]


def test_every_known_code_as_the_original() -> None:
    named = (
        "PktDropLatestDropCause",
        "PktDropLatestState",
        "DnsFlagsResponseCode",
        "TLSVersion",
        "TLSCipherSuite",
        "TLSGroup",
        "TLSTypes",
        "QuicVersion",
    )
    decoded = decode_for(*named)(read("decode-pb-enums"))
    got = [{k: v for k, v in row.items() if k in named} for row in rows(decoded.flows)]
    assert got == expected("decode-pb-enums")


def test_columns_have_the_types_of_the_catalogue() -> None:
    flows = DECODE(read("decode-pb-full")).flows
    typed = {n: t for n, t in flows.schema.items() if not values.is_overflow(n)}
    assert typed == {name: CATALOGUE[name].dtype for name in typed}
    assert "FlowDirection" not in typed


def test_only_needed_columns_and_the_same_values() -> None:
    payloads = read("decode-pb-full")
    whole = rows(DECODE(payloads).flows)
    for name in whole[0] | whole[16] | whole[28]:
        flows = decode_for(name)(payloads).flows
        assert set(values.names(flows)) == {name, "TimeReceived"}
        assert [row.get(name) for row in rows(flows)] == [row.get(name) for row in whole]


def test_nothing_needed_keeps_the_rows() -> None:
    assert decode_for("SrcK8S_Name")([GOOD, GOOD]).flows.height == 2


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("decode-crash-pb-no-network", "a Record without network"),
        ("decode-crash-pb-short-ipv6", "an IPv6 address of 3 bytes"),
    ],
)
def test_what_crashes_the_original_is_rejected(case: str, reason: str) -> None:
    for decode in (DECODE, decode_for("Bytes")):
        decoded = decode([GOOD, *read(case), GOOD])
        assert decoded.rejected == [(1, reason)]
        assert decoded.flows.height == 2


def test_translations_are_there_whatever_else_is_in_the_batch() -> None:
    """In a batch without any, the columns are the same, and null."""
    ends = {"src_addr": {"ipv4": 0x0A000001}, "dst_addr": {"ipv4": 0x0A000002}}
    translated = record(xlat=ends | {"dst_port": 443}).SerializeToString()
    whole, without = DECODE([GOOD, translated, GOOD]).flows, DECODE([GOOD, GOOD]).flows
    names = ["XlatSrcAddr", "XlatSrcPort", "XlatDstAddr", "XlatDstPort", "ZoneId"]
    some = whole.select(names)
    assert some.rows() == [(None,) * 5, ("10.0.0.1", None, "10.0.0.2", 443, 0), (None,) * 5]
    assert without.select(names).rows() == [(None,) * 5] * 2
    assert without.schema == whole.schema
    assert (
        decode_for("XlatDstAddr")([]).flows.schema
        == whole.select("TimeReceived", "XlatDstAddr").schema
    )


def test_rejected_payloads_keep_their_place_and_reason() -> None:
    no_transport = message_class()(network={}).SerializeToString()
    both = b"\x32\x0b\x0a\x09\x0d\x01\x02\x03\x04\x12\x02AB" + GOOD
    short = record(xlat={"src_addr": {"ipv6": b""}}).SerializeToString()
    decoded = DECODE([b"\xff", GOOD, b"", no_transport, GOOD, short, both, b"hello world"])
    assert [index for index, _ in decoded.rejected] == [0, 2, 3, 5, 6, 7]
    reasons = dict(decoded.rejected)
    assert "varint" in reasons[0]
    assert reasons[2] == "an empty message"
    assert reasons[3] == "a Record without transport"
    assert reasons[5] == "an IPv6 address of 0 bytes"
    assert reasons[6] == "an IPv6 address of 2 bytes"
    assert [row["Bytes"] for row in rows(decoded.flows)] == [7, 7]


def test_garbage_of_the_golden_case() -> None:
    decoded = DECODE(read("decode-pb-garbage"))
    assert [index for index, _ in decoded.rejected] == [0, 1, 2]
    assert rows(decoded.flows)[0].items() >= expected("decode-pb-garbage")[0].items()


payloads = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(read("decode-pb-full")),
        st.sampled_from(read("decode-pb-full")).flatmap(
            lambda p: st.integers(0, len(p)).map(lambda end: p[:end])
        ),
        st.sampled_from(read("decode-pb-full")).flatmap(
            lambda p: st.tuples(st.integers(0, len(p) - 1), st.integers(0, 255)).map(
                lambda at: p[: at[0]] + bytes([at[1]]) + p[at[0] + 1 :]
            )
        ),
    ),
    max_size=8,
)


@settings(max_examples=settings().max_examples // 2)
@given(payloads, payloads)
def test_bad_bytes_spare_their_neighbours_and_splits_change_nothing(
    first: list[bytes], second: list[bytes]
) -> None:
    together = DECODE([*first, GOOD, *second])
    parts = [DECODE(part) for part in (first, [GOOD], second)]
    assert rows(together.flows) == [row for part in parts for row in rows(part.flows)]
    offsets = (0, len(first), len(first) + 1)
    assert together.rejected == [
        (index + offset, reason)
        for part, offset in zip(parts, offsets, strict=True)
        for index, reason in part.rejected
    ]
    assert together.flows.height + len(together.rejected) == len(first) + 1 + len(second)
    assert rows(parts[1].flows)[0]["Bytes"] == 7
