"""Records to flows: the original's answers, what it crashes on, and neighbours of bad bytes."""

import base64
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.decode.protobuf import decoder
from pipeline.decode.record import message_class
from pipeline.flows import values
from pipeline.flows.catalogue import CATALOGUE
from pipeline.stage import BuildContext, Decode

GOLDEN = Path(__file__).parent.parent / "golden"
NOW = 1_761_645_700.9
Flow = dict[str, Any]


def read(case: str) -> list[bytes]:
    lines = (GOLDEN / case / "messages.jsonl").read_text().splitlines()
    return [base64.b64decode(json.loads(line)["value_b64"]) for line in lines]


def expected(case: str) -> list[Flow]:
    return [
        json.loads(line) for line in (GOLDEN / case / "expected.jsonl").read_text().splitlines()
    ]


def decode_for(*needed: str) -> Decode:
    return decoder(BuildContext(needed=frozenset(needed) if needed else None, clock=lambda: NOW))


def rows(flows: pl.DataFrame) -> list[Flow]:
    cells = flows.select(values.cell(flows.schema, n).alias(n) for n in values.names(flows))
    return [
        {name: json.loads(cell) for name, cell in row.items() if cell is not None}
        for row in cells.to_dicts()
    ]


def record(**fields: Any) -> Any:
    message = message_class()(eth_protocol=0x0800, **fields)
    message.network.src_addr.ipv4 = 0x0A000001
    message.network.dst_addr.ipv4 = 0x0A000002
    message.transport.protocol = 6
    message.transport.dst_port = 443
    return message


DECODE = decode_for()
GOOD = record(bytes=7).SerializeToString()


def one(message: Any) -> Flow:
    decoded = DECODE([message.SerializeToString()])
    assert decoded.rejected == []
    return rows(decoded.flows)[0]


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


def test_deep_nesting_cannot_overflow_the_stack() -> None:
    groups = b"\x0b" * 1_000_000
    inner = b"\x32" + bytes([0xC0, 0x84, 0x3D]) + groups
    large = record(dns_name="x" * 20_000, bytes=8).SerializeToString()
    decoded = DECODE([large, GOOD, groups, large, inner, b"\xff", large, GOOD])
    assert [index for index, _ in decoded.rejected] == [2, 4, 5]
    assert decoded.rejected[0][1] == "malformed, or nested too deeply"
    assert decoded.flows["Bytes"].to_list() == [8, 7, 8, 8, 7]


def test_garbage_of_the_golden_case() -> None:
    decoded = DECODE(read("decode-pb-garbage"))
    assert [index for index, _ in decoded.rejected] == [0, 1, 2]
    assert rows(decoded.flows)[0].items() >= expected("decode-pb-garbage")[0].items()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "<nil>"),
        (bytes([10, 0, 0, 1]), "10.0.0.1"),
        (b"\x01\x02\xff", "?0102ff"),
        (bytes(10) + b"\xff\xff\x0a\x00\x00\x01", "10.0.0.1"),
        (bytes(15) + b"\x01", "::1"),
        (bytes(17), "?" + "00" * 17),
    ],
)
def test_agent_address_of_any_length(raw: bytes, text: str) -> None:
    assert one(record(agent_ip={"ipv6": raw}))["AgentIP"] == text


def test_of_a_long_address_the_first_16_bytes_count() -> None:
    message = record()
    message.network.src_addr.ipv6 = bytes(15) + b"\x01" + b"rest"
    assert one(message)["SrcAddr"] == "::1"


def test_nat_with_a_zero_ipv6_address_is_ignored() -> None:
    zero, other = {"ipv6": bytes(16)}, {"ipv6": bytes(15) + b"\x01"}
    mapped = {"ipv6": bytes(10) + b"\xff\xff" + bytes(4)}
    for src, dst in ((zero, other), (other, mapped), ({}, other)):
        assert "XlatSrcAddr" not in one(record(xlat={"src_addr": src, "dst_addr": dst}))
    assert one(record(xlat={"src_addr": other, "dst_addr": other}))["XlatDstAddr"] == "::1"


def test_durations_truncate_and_saturate() -> None:
    message = record(dns_id=1, dns_latency={"seconds": -1, "nanos": -999_999})
    message.time_flow_rtt.seconds = 2**62
    flow = one(message)
    assert flow["DnsLatencyMs"] == -1000
    assert flow["TimeFlowRttNs"] == 2**63 - 1


def test_zero_after_truncation_is_absent() -> None:
    flow = one(record(packets=2**32, dns_id=2**16, dns_errno=256))
    assert not {"Packets", "DnsId", "DnsErrno", "DnsFlags"} & set(flow)


def test_events_with_arbitrary_keys() -> None:
    entries = [("row", "x"), ("Name", "old"), ("Name", "np")]
    events = [{"events": [{"key": k, "value": v} for k, v in entries]}, {"events": []}]
    plain, with_events = record(), record(network_events_metadata=events)
    payloads = [m.SerializeToString() for m in (plain, with_events, plain)]
    flows = DECODE(payloads).flows
    got = [row.get("NetworkEvents") for row in rows(flows)]
    assert got == [None, [{"Name": "np", "row": "x"}, {}], None]


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
