"""Payloads of several templates to one frame in their order, and what is not a record."""

import polars as pl

from pipeline.decode.splitting import Damaged
from pipeline.netflow.columns import decoder
from pipeline.netflow.exporters import Exporters
from pipeline.netflow.payload import address
from pipeline.stage import BuildContext, Unmeasured
from tests.support import netflow
from tests.support.netflow import Flow


def payloads() -> list[bytes]:
    """Flows of 0 to 29 packets, one template after the other."""
    known = Exporters("in", Unmeasured())
    named = [(82, 0xFFFF), (2, 4)]
    templates = netflow.template(256), netflow.template(257, named)
    known.payloads(netflow.ipfix(netflow.flowset(2, *templates)), address("192.0.2.1"), 0)
    found: list[bytes] = []
    for number in range(0, 30, 3):
        packets = (
            netflow.ipfix(netflow.flowset(256, Flow(packets=number).record())),
            netflow.ipfix(netflow.flowset(257, b"\3eth" + (number + 1).to_bytes(4, "big"))),
            netflow.v5(Flow(packets=number + 2, start=1, end=2)),
        )
        for packet in packets:
            found += known.payloads(packet, address("192.0.2.1"), 1234)
    return found


def test_rows_are_in_the_order_of_the_payloads() -> None:
    found = decoder(BuildContext())(payloads())
    assert found.rejected == []
    assert found.flows["Packets"].to_list() == list(range(30))
    assert found.flows["TimeReceived"].to_list() == [1234] * 30
    assert found.flows["Interfaces"].to_list() == [None, ["eth"], None] * 10


def test_what_is_not_a_record_is_rejected_with_its_place() -> None:
    good = payloads()[:6]
    cut = [payload[:-1] for payload in good]
    damaged = Damaged.because(b"x", "template unknown", last=False)
    mixed = [b"", *cut, damaged, *good, b"\0\4\n\0", b"\0", b"\xff\xff", good[1] + b"x"]
    found = decoder(BuildContext())(mixed)
    assert found.flows["Packets"].to_list() == list(range(6))
    places = [0, *range(1, 7), 7, 14, 15, 16, 17]
    reasons = ["this is not a record of its template"] * len(places)
    reasons[7] = "template unknown"
    assert found.rejected == list(zip(places, reasons, strict=True))


def test_it_has_the_fields_that_are_needed() -> None:
    found = decoder(BuildContext(needed=frozenset({"Bytes", "DstAddr"})))(payloads()).flows
    assert set(found.columns) == {"TimeReceived", "Bytes", "DstAddr"}
    assert found.schema["Bytes"] == pl.UInt64


def test_of_no_payload_there_is_no_row() -> None:
    assert decoder(BuildContext())([]).flows.height == 0
