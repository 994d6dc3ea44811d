"""Every field of a flow, from each of the three protocols."""

from typing import Any

import polars as pl
import pytest

from pipeline.netflow.columns import decoder
from pipeline.netflow.exporters import Exporters
from pipeline.netflow.mapping import Kind, Mapping
from pipeline.netflow.payload import address
from pipeline.stage import BuildContext, Unmeasured
from tests.support import netflow
from tests.support.netflow import EXPORTED, Flow


def flows(*packets: bytes, mappings: tuple[Mapping, ...] = ()) -> pl.DataFrame:
    known = Exporters("in", Unmeasured())
    payloads = [
        payload
        for packet in packets
        for payload in known.payloads(packet, address("192.0.2.1"), EXPORTED + 1)
    ]
    found = decoder(BuildContext(), mappings)(payloads)
    assert found.rejected == []
    return found.flows


def ipfix(*fields: tuple[int, bytes], mappings: tuple[Mapping, ...] = ()) -> dict[str, Any]:
    """The one flow with these elements, or (a tuple of two) elements of enterprise 29."""
    template = netflow.template(256, [(element, len(raw)) for element, raw in fields])
    data = netflow.flowset(256, b"".join(raw for _, raw in fields))
    return flows(netflow.ipfix(netflow.flowset(2, template), data), mappings=mappings).row(
        0, named=True
    )


def test_a_flow_of_v5() -> None:
    [found] = flows(netflow.v5(Flow(start=58_000, end=59_000), sampling=10)).rows(named=True)
    assert {name: value for name, value in found.items() if value not in {0, ""}} == {
        "Type": "NETFLOW_V5",
        "TimeReceived": EXPORTED + 1,
        "SamplerAddress": "192.0.2.1",
        "AgentIP": "192.0.2.1",
        "TimeFlowStartMs": EXPORTED * 1000 - 2000,
        "TimeFlowStart": EXPORTED - 2,
        "TimeFlowEndMs": EXPORTED * 1000 - 1000,
        "TimeFlowEnd": EXPORTED - 1,
        "SamplingRate": 10,
        "Sampling": 10,
        "Bytes": 840,
        "Packets": 3,
        "Etype": 0x800,
        "Proto": 6,
        "SrcPort": 40000,
        "DstPort": 443,
        "InIf": 1,
        "OutIf": 2,
        "IpTos": 0xB8,
        "Dscp": 46,
        "TcpFlags": 2,
        "Flags": 2,
        "FlagsEvidence": None,
        "SrcAs": 64500,
        "DstAs": 64501,
        "SrcNet": 24,
        "DstNet": 16,
        "SrcAddr": "10.0.0.1",
        "DstAddr": "10.0.0.2",
        "NextHop": "10.0.0.254",
        "SrcMac": "00:00:00:00:00:00",
        "DstMac": "00:00:00:00:00:00",
    }


def test_v9_and_ipfix_tell_the_same_flow() -> None:
    [v9] = flows(
        netflow.v9(
            netflow.flowset(0, netflow.template(256, netflow.FLOW_V9)),
            netflow.flowset(256, Flow(start=58_000, end=59_000).record("II")),
            sequence=7,
        )
    ).rows(named=True)
    [found] = flows(
        netflow.ipfix(
            netflow.flowset(2, netflow.template(256)),
            netflow.flowset(256, Flow().record()),
            sequence=7,
            domain=9,
        )
    ).rows(named=True)
    assert (v9["Type"], found["Type"]) == ("NETFLOW_V9", "IPFIX")
    assert (v9["ObservationDomainId"], found["ObservationDomainId"]) == (0, 9)
    assert found["SequenceNum"] == 7
    same = {"Type": "", "ObservationDomainId": 0}
    assert v9 | same == found | same


@pytest.mark.parametrize(
    ("element", "raw", "told"),
    [
        (27, bytes.fromhex("20010db8" + "00" * 11 + "01"), {"SrcAddr": "2001:db8::1"}),
        (28, bytes(16), {"DstAddr": "::", "Etype": 0x86DD}),
        (62, bytes(10) + b"\xff\xff\x0a\0\0\1", {"NextHop": "10.0.0.1"}),
        (8, bytes(3), {"SrcAddr": "", "Etype": 0}),
        (60, b"\6", {"Etype": 0x86DD}),
        (60, b"\5", {"Etype": 0}),
        (32, b"\3\1", {"IcmpType": 3, "IcmpCode": 1}),
        (139, b"\x80\0", {"IcmpType": 128, "IcmpCode": 0}),
        (176, b"\x08", {"IcmpType": 8}),
        (56, bytes.fromhex("0a58ac100001"), {"SrcMac": "0a:58:ac:10:00:01"}),
        (58, b"\0\5", {"VlanId": 5, "SrcVlan": 5}),
        (70, b"\0\1\x2f", {"Mpls_1Label": 18, "HasMpls": True}),
        (85, b"\5", {"Bytes": 5}),
        (312, b"\5\0", {"Bytes": 1280, "Packets": 1}),
        (311, bytes.fromhex("3f847ae147ae147b"), {"SamplingRate": 100, "Sampling": 100}),
        (311, bytes(8), {"SamplingRate": 0, "Sampling": None}),
        (82, b"eth0\0\0", {"Interfaces": ["eth0"]}),
        (225, b"\n\0\0\1", {"XlatSrcAddr": "10.0.0.1"}),
        (1, b"\0" * 7 + b"\1\0", {"Bytes": 0}),  # too long for a number
    ],
)
def test_elements(element: int, raw: bytes, told: dict[str, object]) -> None:
    found = ipfix((element, raw))
    assert {name: found[name] for name in told} == told


def test_fragments_join_their_flags_and_offset() -> None:
    assert ipfix((88, b"\0\5"), (197, b"\x40"))["FragmentOffset"] == 0x45


def test_of_two_elements_the_last_counts_and_deltas_count_before_totals() -> None:
    assert ipfix((1, b"\5"), (23, b"\7"))["Bytes"] == 7
    assert ipfix((23, b"\7"), (1, b"\5"))["Bytes"] == 5
    assert ipfix((1, b"\5"), (85, b"\7"))["Bytes"] == 5


@pytest.mark.parametrize("four", [bytes(4), b"\n\0\0\1"])
def test_of_two_families_the_one_that_is_not_zero_counts(four: bytes) -> None:
    six = bytes(16) if any(four) else bytes(15) + b"\1"
    for fields in (((8, four), (27, six)), ((27, six), (8, four))):
        found = ipfix(*fields)
        assert (found["SrcAddr"], found["Etype"]) == (
            ("10.0.0.1", 0x800) if any(four) else ("::1", 0x86DD)
        )


def test_a_number_beyond_the_catalogue_stays_a_number() -> None:
    """Packets of an agent have 32 bits; those of an exporter may have 64."""
    found = ipfix((2, b"\1\0\0\0\0"))
    assert (found["Packets"], found["\x1fPackets"]) == (None, str(2**32))


def test_flags_are_of_tcp_and_may_be_uncertain() -> None:
    ports = ((7, b"\1\xbb"), (11, b"\xc3\x50"))
    server = ipfix((4, b"\6"), (6, b"\x12"), *ports)
    assert (server["TcpFlags"], server["Flags"], server["FlagsEvidence"]) == (18, 272, "uncertain")
    udp = ipfix((4, b"\x11"), (6, b"\x12"), *ports)
    assert (udp["TcpFlags"], udp["Flags"], udp["FlagsEvidence"]) == (18, None, None)


@pytest.mark.parametrize(
    ("name", "kind", "raw", "value"),
    [
        ("CustomInteger_1", Kind.NUMBER, b"\1\0", 256),
        ("SrcK8S_Namespace", Kind.TEXT, b"shop\0", "shop"),
        ("CustomBytes_1", Kind.TEXT, b"\xff\xfe", "fffe"),
        ("SrcAddr", Kind.ADDRESS, b"\n\0\0\1", "10.0.0.1"),
        ("XlatDstAddr", Kind.ADDRESS, bytes(15) + b"\1", "::1"),
    ],
)
def test_elements_of_an_enterprise(name: str, kind: Kind, raw: bytes, value: object) -> None:
    mapping = Mapping(element=7, enterprise=29, name=name, kind=kind)
    template = netflow.template(256, [(7, len(raw), 29), (11, 2)])
    data = netflow.flowset(256, raw + b"\0\1")
    [found] = flows(netflow.ipfix(netflow.flowset(2, template), data), mappings=(mapping,)).rows(
        named=True
    )
    assert (found[name], found["SrcPort"], found["DstPort"]) == (value, 0, 1)


def test_a_mapped_number_may_be_little_endian() -> None:
    mapping = Mapping(element=999, enterprise=0, name="N", kind=Kind.NUMBER, little=True)
    assert ipfix((999, b"\1\0"), mappings=(mapping,))["N"] == 1
