"""Flows to records, read by the collector of this engine."""

import struct
from typing import Any

import polars as pl
import pytest

from pipeline.netflow.columns import decoder
from pipeline.netflow.exporters import Exporters
from pipeline.netflow.mapping import Mapping, usual_kind
from pipeline.netflow.payload import address
from pipeline.netflow.records import IPV4, IPV6, elements, records, template
from pipeline.netflow.selection import selected
from pipeline.stage import BuildContext, Unmeasured
from pipeline.testing import frame
from tests.support import netflow

PEN = 56505
_GIVEN = {"Addr", "cMac", "tMac", "type"}
NOWHERE = "0.0.0.0"  # noqa: S104 - what is written where there is no address
NAMES = {
    7733: "SrcK8S_Namespace",
    7734: "SrcK8S_Name",
    7735: "DstK8S_Namespace",
    7736: "DstK8S_Name",
    7737: "SrcK8S_HostName",
    7738: "DstK8S_HostName",
    7740: "TimeFlowRttNs",
    7741: "CustomBytes_1",
    7742: "CustomBytes_2",
}
MAPPINGS = [
    Mapping(element=n, enterprise=PEN, name=name, kind=usual_kind(name))
    for n, name in NAMES.items()
]


def read(flows: list[dict[str, Any]], enterprise: int = 0) -> list[dict[str, Any]]:
    """What comes out of a collector."""
    known = Exporters("in", Unmeasured())
    templates = (template(number, enterprise) for number in (IPV4, IPV6))
    packets = [netflow.ipfix(netflow.flowset(2, *templates))]
    for number, encoded in records(selected(frame(flows), enterprise), enterprise):
        packets.append(netflow.ipfix(netflow.flowset(number, *encoded)))
    payloads = [p for packet in packets for p in known.payloads(packet, address("::1"), 0)]
    found = decoder(BuildContext(), MAPPINGS)(payloads)
    assert found.rejected == []
    return found.flows.rows(named=True)


FLOW = {
    "Etype": 0x800,
    "SrcAddr": "10.0.0.1",
    "DstAddr": "10.0.0.2",
    "SrcMac": "0a:58:0a:80:02:0e",
    "DstMac": "0a:58:0a:80:02:0f",
    "SrcPort": 40000,
    "DstPort": 443,
    "Proto": 6,
    "IcmpType": 0,
    "IcmpCode": 0,
    "Bytes": 5_000_000_000,
    "Packets": 3,
    "TimeFlowStartMs": 1_700_000_000_123,
    "TimeFlowEndMs": 1_700_000_001_123,
    "XlatSrcAddr": "10.1.0.1",
    "XlatDstAddr": "10.1.0.2",
    "XlatSrcPort": 1,
    "XlatDstPort": 2,
    "Sampling": 50,
}
KUBE = {
    "SrcK8S_Namespace": "shop",
    "SrcK8S_Name": "cart-" + 300 * "x",
    "DstK8S_Namespace": "",
    "DstK8S_Name": "db",
    "SrcK8S_HostName": "node-ü",
    "DstK8S_HostName": "node-b",
    "TimeFlowRttNs": 12_345,
}


def test_a_flow_comes_back() -> None:
    [found] = read([FLOW | KUBE | {"Flags": 2}], PEN)
    assert found | FLOW | KUBE | {"Flags": 2} == found


def test_a_flow_of_ipv6_comes_back() -> None:
    six = {
        "Etype": 0x86DD,
        **{name: f"2001:db8::{n}" for n, name in enumerate(("SrcAddr", "DstAddr"), 1)},
        **{name: f"2001:db8::{n}" for n, name in enumerate(("XlatSrcAddr", "XlatDstAddr"), 3)},
        "Proto": 58,
        "IcmpType": 128,
        "IcmpCode": 1,
    }
    [found] = read([FLOW | six])
    assert found | FLOW | six == found


def test_lists_go_as_their_first_and_as_a_whole() -> None:
    flow = {"Interfaces": ["eth0", "br-ex"], "IfDirections": [1, 0]}
    [found] = read([FLOW | flow], PEN)
    assert (found["Interfaces"], found["FlowDirection"]) == (["eth0"], 1)
    assert (found["CustomBytes_1"], found["CustomBytes_2"]) == ("eth0,br-ex", "1,0")
    [found] = read([FLOW | {"Interfaces": [], "IfDirections": []}], PEN)
    assert (found["Interfaces"], found["FlowDirection"]) == ([""], 0)


@pytest.mark.parametrize(
    ("flags", "bits"), [(18, 18), (["SYN", "ACK"], 18), (["SYN_ACK"], 256), (None, 0)]
)
def test_flags_go_as_bits(flags: object, bits: int) -> None:
    [found] = read([FLOW | {"Flags": flags}])
    assert found["TcpFlags"] == bits


def test_what_is_absent_is_zero_and_nothing_of_another_flow() -> None:
    [_, found] = read([FLOW | KUBE, {"SrcAddr": "10.0.0.9"}], PEN)
    assert found == read([{"SrcAddr": "10.0.0.9"}], PEN)[0]
    assert (found["SrcAddr"], found["DstAddr"]) == ("10.0.0.9", NOWHERE)
    assert not any(found[name] for name in FLOW if name[-4:] not in _GIVEN)
    assert not any(found[name] for name in KUBE)


def test_values_that_do_not_fit() -> None:
    odd = {
        "SrcAddr": "2001:db8::1",
        "DstAddr": "nowhere",
        "SrcMac": "no",
        "DstMac": "0a:58",
        "Proto": "tcp",
        "Bytes": -1,
        "SrcPort": 443.9,
        "TimeFlowStartMs": 1e30,
    }
    [found] = read([FLOW | odd])
    assert (found["SrcAddr"], found["DstAddr"]) == (NOWHERE, NOWHERE)
    assert (found["SrcMac"], found["DstMac"]) == ("00:00:00:00:00:00",) * 2
    assert [found[name] for name in ("Proto", "Bytes", "SrcPort")] == [0, 0, 443]


def test_families_have_their_own_templates() -> None:
    """A flow without Etype is of the family of its source; an IPv4 address may be mapped."""
    flows = [{"SrcAddr": "10.0.0.1"}, {"SrcAddr": "::1"}, {"SrcAddr": "10.0.0.2"}]
    numbers = [(n, len(r)) for n, r in records(selected(frame(flows), 0), 0)]
    assert numbers == [(IPV4, 2), (IPV6, 1)]
    [found] = read([{"Etype": 0x86DD, "SrcAddr": "10.0.0.1"}])
    assert found["SrcAddr"] == "10.0.0.1"
    [found] = read([{"Etype": 0x800, "SrcAddr": "::ffff:10.0.0.1"}])
    assert found["SrcAddr"] == "10.0.0.1"


@pytest.mark.parametrize("number", [IPV4, IPV6])
def test_templates_have_the_elements_of_the_original(number: int) -> None:
    plain, own = elements(number, 0), elements(number, PEN)
    assert own[: len(plain)] == plain
    assert [one.number for one in own[len(plain) :]] == list(NAMES)
    assert struct.unpack_from(">HH", template(number, 0)) == (number, len(plain))
    assert len(template(number, PEN)) == 4 + 4 * len(own) + 4 * len(NAMES)


def test_of_no_flow_there_is_no_record() -> None:
    assert (
        records(selected(pl.DataFrame({"SrcAddr": []}, schema={"SrcAddr": pl.String}), 0), 0) == []
    )
