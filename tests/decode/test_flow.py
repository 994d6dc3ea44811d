"""When a Record gives a field of the flow, and which value (docs/reference/decoding.md#flow)."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.decode.flow import EXPLICIT_NULLS, FLOW
from pipeline.flows.catalogue import CATALOGUE
from tests.support.records import NOW, UNSET, one, record

PORTS, ICMP = {"SrcPort", "DstPort"}, {"IcmpType", "IcmpCode"}
IP = {"SrcAddr", "DstAddr", "Proto", "Dscp"}


def test_every_field_is_one_of_the_catalogue_and_in_its_order() -> None:
    assert list(FLOW) == [name for name in CATALOGUE if name in FLOW]
    assert set(EXPLICIT_NULLS) <= set(FLOW)


def test_what_every_flow_has() -> None:
    """Fields of a Record that says no more than it must; the two of time are zero."""
    assert one(record()) == {
        "TimeFlowStartMs": 0,
        "TimeFlowEndMs": 0,
        "TimeReceived": int(NOW),
        "SrcAddr": "10.0.0.1",
        "DstAddr": "10.0.0.2",
        "SrcPort": 0,
        "DstPort": 443,
        "SrcMac": "00:00:00:00:00:00",
        "DstMac": "00:00:00:00:00:00",
        "Proto": 6,
        "Dscp": 0,
        "Flags": 0,
        "IfDirections": None,
        "Interfaces": None,
        "AgentIP": UNSET,
        "Etype": 0x0800,
    }


@pytest.mark.parametrize(
    ("proto", "present"),
    [(6, {*PORTS, "Flags"}), (17, PORTS), (132, PORTS), (1, ICMP), (58, ICMP), (47, set())],
)
@pytest.mark.parametrize("etype", [0x0800, 0x86DD])
def test_ports_flags_and_icmp_go_by_the_protocol(etype: int, proto: int, present: set[str]) -> None:
    message = record()
    message.eth_protocol, message.transport.protocol = etype, proto
    flow = one(message)
    assert {*PORTS, *ICMP, "Flags"} & flow.keys() == present
    assert flow.keys() >= IP


def test_what_is_not_ip_has_no_addresses_nor_ports() -> None:
    message = record()
    message.eth_protocol = 0x0806
    assert not (IP | PORTS | {"Flags"}) & one(message).keys()
    assert one(message)["Etype"] == 0x0806


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"flags": 70_000}, "Flags", 4464),
        ({"bytes": 2**64 - 1}, "Bytes", 2**64 - 1),
        ({"packets": 2**32 + 7}, "Packets", 7),
        ({"dns_id": 2**16 + 1}, "DnsId", 1),
        ({"eth_protocol": 2**16 + 0x0800}, "Etype", 0x0800),
    ],
)
def test_a_wider_value_of_the_wire_is_cut(fields: dict[str, int], name: str, value: int) -> None:
    message = record()
    for field, wide in fields.items():
        setattr(message, field, wide)
    assert one(message)[name] == value


def test_zero_after_truncation_is_absent() -> None:
    flow = one(record(packets=2**32, dns_id=2**16, dns_errno=256))
    assert not {"Packets", "DnsId", "DnsErrno", "DnsFlags"} & set(flow)


def test_drops_are_left_out_without_a_cause() -> None:
    counts = {"pkt_drop_bytes": 5, "pkt_drop_packets": 1, "pkt_drop_latest_state": 1}
    assert (
        not {"PktDropBytes", "PktDropPackets", "PktDropLatestState"} & one(record(**counts)).keys()
    )
    flow = one(record(pkt_drop_latest_drop_cause=2, **counts))
    assert (flow["PktDropBytes"], flow["PktDropPackets"]) == (5, 1)
    assert flow["PktDropLatestState"] == "TCP_ESTABLISHED"
    assert flow["PktDropLatestDropCause"] == "SKB_DROP_REASON_NOT_SPECIFIED"
    assert flow["PktDropLatestFlags"] == 0


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("example.com", "example.com"),
        ("a..b.", "a.b"),
        ("a" * 30 + ".com", "a" * 30),
        ("a" * 31, None),
        ("a.b." + "c" * 27 + ".d", "a.b"),
        ("a.b." + "c" * 26 + ".d", "a.b." + "c" * 26),
        ("é" * 15 + ".x", "é" * 15),
        ("é" * 16, None),
        ("...", None),
        ("", None),
    ],
)
def test_of_a_dns_name_the_leading_labels_that_fit_31_bytes(name: str, kept: str | None) -> None:
    """Each label takes its bytes and one for its length."""
    assert one(record(dns_id=1, dns_name=name)).get("DnsName") == kept
    assert "DnsName" not in one(record(dns_name=name))


@pytest.mark.parametrize(
    ("ret", "encrypted", "expected"),
    [(0, 0, (None, None)), (0, 1, (0, "success")), (-3, 1, (-3, "error")), (2, 0, (2, "error"))],
)
def test_a_return_code_of_ipsec_is_an_error(
    ret: int, encrypted: int, expected: tuple[int | None, str | None]
) -> None:
    flow = one(record(ipsec_encrypted=encrypted, ipsec_encrypted_ret=ret))
    assert (flow.get("IPSecRetCode"), flow.get("IPSecStatus")) == expected


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ({"ssl_version": 0x0304}, "TLS 1.3"),
        ({"ssl_version": 0x0304, "ssl_mismatch": True}, "~ TLS 1.3"),
        ({"ssl_version": 0x7F1C}, "0x7F1C"),
        ({"ssl_mismatch": True}, None),
    ],
)
def test_a_tls_version_that_does_not_match_has_a_tilde(
    fields: dict[str, Any], version: str | None
) -> None:
    assert one(record(**fields)).get("TLSVersion") == version


def test_tls_types_are_null_when_no_bit_is_known() -> None:
    assert "TLSTypes" not in one(record())
    assert one(record(tls_types=5))["TLSTypes"] == ["ClientHello", "OtherHandshake"]
    unknown = one(record(tls_types=64))
    assert ("TLSTypes" in unknown, unknown["TLSTypes"]) == (True, None)


def test_quic_is_there_when_its_message_is() -> None:
    assert "QuicVersion" not in one(record())
    flow = one(record(quic={}))
    assert (flow["QuicVersion"], flow["QuicSeenLongHdr"]) == ("QUIC v1", 0)


def test_interfaces_directions_and_networks_of_a_record() -> None:
    entries = [{"interface": "eth0", "direction": 1}, {"interface": "br-ex", "udn": "blue"}]
    flow = one(record(dup_list=entries))
    assert flow["Interfaces"] == ["eth0", "br-ex"]
    assert flow["IfDirections"] == [1, 0]
    assert flow["Udns"] == ["", "blue"]


def test_the_direction_never_comes_from_the_agent() -> None:
    assert "FlowDirection" not in one(record(direction=1, interface="eth0", duplicate=True))


def test_durations_truncate_and_saturate() -> None:
    message = record(dns_id=1, dns_latency={"seconds": -1, "nanos": -999_999})
    message.time_flow_rtt.seconds = 2**62
    flow = one(message)
    assert flow["DnsLatencyMs"] == -1000
    assert flow["TimeFlowRttNs"] == 2**63 - 1


def test_times_are_cut_to_milliseconds() -> None:
    flow = one(record(time_flow_start={"seconds": 1_761_645_600, "nanos": 123_999_999}))
    assert flow["TimeFlowStartMs"] == 1_761_645_600_123
