"""Frames of flows as protobuf messages."""

from __future__ import annotations

import polars as pl
import pytest

from simulate.wire import packed, protobuf
from tests.support.records import message_class

FRAME = pl.DataFrame(
    {
        "TimeFlowStartMs": [1_761_645_600_123, 1],
        "TimeFlowEndMs": [1_761_645_605_456, 2],
        "AgentIP": ["10.0.1.10", "fd00::a"],
        "Etype": [0x0800, 0x86DD],
        "SrcMac": ["0a:58:0a:80:02:0e", "00:00:00:00:00:01"],
        "DstMac": ["0a:58:0a:83:00:07", "ff:ff:ff:ff:ff:ff"],
        "SrcAddr": ["10.128.2.14", "fd01::12"],
        "DstAddr": ["10.131.0.7", "::ffff:10.0.0.1"],
        "Dscp": [0, 46],
        "Proto": [6, 17],
        "SrcPort": [45678, 40000],
        "DstPort": [8080, 53],
        "Flags": [530, None],
        "Bytes": [1500, 2**40],
        "Packets": [3, 1],
        "Interfaces": [["eth0", "br-ex"], None],
        "IfDirections": [[1, 0], None],
        "Udns": [["", "blue"], None],
        "Sampling": [1, 0],
        "DnsId": [None, 4660],
        "DnsName": [None, "example.com"],
        "DnsLatencyMs": [None, 1012],
        "TimeFlowRttNs": [None, 1_500_000_001],
    }
)


def test_every_field_reaches_the_message() -> None:
    record = message_class()
    first, second = (record.FromString(message.as_py()) for message in protobuf(FRAME))
    assert first.time_flow_start.seconds == 1_761_645_600
    assert first.time_flow_start.nanos == 123_000_000
    assert first.time_flow_end.nanos == 456_000_000
    assert first.data_link.src_mac == 0x0A580A80020E
    assert first.network.src_addr.ipv4 == 0x0A80020E
    assert first.network.dst_addr.WhichOneof("ip_family") == "ipv4"
    assert (first.transport.src_port, first.transport.dst_port) == (45678, 8080)
    assert (first.transport.protocol, first.flags, first.bytes, first.packets) == (6, 530, 1500, 3)
    assert first.agent_ip.ipv4 == 0x0A00010A
    assert [(e.interface, e.direction) for e in first.dup_list] == [("eth0", 1), ("br-ex", 0)]
    assert (first.eth_protocol, first.sampling, first.dns_id) == (0x0800, 1, 0)
    assert second.network.src_addr.ipv6.hex() == "fd01" + "0" * 26 + "12"
    assert second.network.dst_addr.ipv6.hex() == "0" * 20 + "ffff0a000001"
    assert (second.network.dscp, second.flags, second.bytes) == (46, 0, 2**40)
    assert (second.dns_id, second.dns_name) == (4660, "example.com")
    assert (second.dns_latency.seconds, second.dns_latency.nanos) == (1, 12_000_000)
    assert (second.time_flow_rtt.seconds, second.time_flow_rtt.nanos) == (1, 500_000_001)
    assert not second.dup_list


def test_networks_of_interfaces_are_kept_or_blank() -> None:
    first, second = FRAME["Udns"].to_list()
    assert (first, second) == (["", "blue"], None)
    kept = FRAME.head(1)
    record = message_class()
    names = [
        [entry.udn for entry in record.FromString(protobuf(frame)[0].as_py()).dup_list]
        for frame in (kept, kept.drop("Udns"))
    ]
    assert names == [["", "blue"], ["", ""]]


def test_fields_that_are_not_given_are_not_written() -> None:
    assert protobuf(FRAME.select("Bytes").head(1))[0].as_py() == b"\x40\xdc\x0b"


def test_a_stray_column_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"SrcAdr: .*did you mean \"SrcAddr\"\?"):
        protobuf(FRAME.rename({"SrcAddr": "SrcAdr"}))


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.0.0.1", "00000000000000000000ffff0a000001"), ("fd00::a", "fd00" + "0" * 27 + "a")],
)
def test_packed_addresses_have_sixteen_bytes(address: str, expected: str) -> None:
    assert packed(address).hex() == expected
