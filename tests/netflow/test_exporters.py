"""Datagrams to payloads, and what is known of who sent them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import limits
from pipeline.decode.splitting import Damaged
from pipeline.netflow import exporters
from pipeline.netflow.columns import decoder
from pipeline.netflow.exporters import UNKNOWN, Exporters
from pipeline.netflow.options import Options
from pipeline.netflow.payload import address
from pipeline.stage import BuildContext, Unmeasured
from tests.support import netflow
from tests.support.netflow import Flow

ONE, OTHER = address("192.0.2.1"), address("192.0.2.2")
DATA = netflow.flowset(256, Flow().record())
TEMPLATE = netflow.flowset(2, netflow.template(256))


class Counted(Unmeasured):
    """Counters by name and labels."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], float] = {}

    def add(self, name: str, amount: float, *labels: str) -> None:
        key = (name, *labels)
        self.values[key] = self.values.get(key, 0) + amount


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def known(counted: Counted) -> Exporters:
    return Exporters("in", counted)


def reasons(payloads: list[bytes]) -> list[str]:
    return [one.reason if isinstance(one, Damaged) else "" for one in payloads]


def test_a_template_is_of_one_exporter_version_and_domain(known: Exporters) -> None:
    assert reasons(known.payloads(netflow.ipfix(DATA), ONE, 0)) == [UNKNOWN]
    assert known.payloads(netflow.ipfix(TEMPLATE), ONE, 0) == []
    assert reasons(known.payloads(netflow.ipfix(DATA, DATA), ONE, 0)) == ["", ""]
    assert reasons(known.payloads(netflow.ipfix(DATA, domain=2), ONE, 0)) == [UNKNOWN]
    assert reasons(known.payloads(netflow.v9(DATA), ONE, 0)) == [UNKNOWN]
    assert reasons(known.payloads(netflow.ipfix(DATA), OTHER, 0)) == [UNKNOWN]


def test_what_is_unknown_is_counted_and_the_rest_is_taken(
    known: Exporters, counted: Counted
) -> None:
    stranger = netflow.flowset(300, bytes(8))
    found = known.payloads(netflow.ipfix(stranger, TEMPLATE, DATA), ONE, 0)
    assert reasons(found) == [UNKNOWN, ""]
    assert found[0] == bytes(8)
    assert counted.values["ipfix_template_unknown", "in", "192.0.2.1"] == 1


def test_a_new_template_takes_the_place_of_the_old_one(known: Exporters) -> None:
    known.payloads(netflow.ipfix(TEMPLATE), ONE, 0)
    known.changed = False
    known.payloads(netflow.ipfix(TEMPLATE), ONE, 0)
    assert not known.changed, "the same again"
    half = netflow.flowset(2, netflow.template(256, netflow.FLOW[:5] + ((1, 1),) * 4))
    known.payloads(netflow.ipfix(half), ONE, 0)
    assert known.changed
    size = len(Flow().record())
    assert len(known.payloads(netflow.ipfix(DATA), ONE, 0)) == size // 17


def test_a_template_that_is_withdrawn_is_unknown(known: Exporters) -> None:
    one, all_of_them = (struct.pack(">HH", number, 0) for number in (256, 2))
    for gone in (one, all_of_them):
        known.payloads(netflow.ipfix(TEMPLATE), ONE, 0)
        found = known.payloads(netflow.ipfix(netflow.flowset(2, gone), DATA), ONE, 0)
        assert reasons(found) == [UNKNOWN]


def test_padding_behind_records_is_no_record(known: Exporters) -> None:
    data = netflow.flowset(256, Flow().record(), Flow().record(), bytes(3))
    assert reasons(known.payloads(netflow.ipfix(TEMPLATE, data), ONE, 0)) == ["", ""]


def test_a_set_shorter_than_its_records_is_rejected(known: Exporters) -> None:
    data = netflow.flowset(256, bytes(5))
    found = known.payloads(netflow.ipfix(TEMPLATE, data), ONE, 0)
    assert reasons(found) == ["a set has no whole record"]


def test_of_a_packet_that_is_cut_the_whole_records_are_taken(known: Exporters) -> None:
    two = netflow.v5(Flow(), Flow())
    assert reasons(known.payloads(two[:-1], ONE, 0)) == ["", "a packet of 2 records ends after 1"]
    message = netflow.ipfix(TEMPLATE, DATA, DATA)
    assert reasons(known.payloads(message[:-1], ONE, 0)) == [
        "",
        f"a set of {len(DATA)} bytes ends after {len(DATA) - 1}",
        f"a message of {len(message)} bytes ends after {len(message) - 1}",
    ]


def test_options_say_how_packets_are_sampled(known: Exporters) -> None:
    said = netflow.flowset(3, netflow.options(512, 1, [(149, 4), (34, 4), (160, 8)], 10))
    data = netflow.flowset(512, struct.pack(">IIQ", 1, 100, 5))
    assert known.payloads(netflow.ipfix(said, data), ONE, 0) == []
    assert known.known[ONE].options == {(10, 1): Options(100, 5)}
    found = known.payloads(netflow.ipfix(TEMPLATE, DATA), ONE, 0)
    assert decoder(BuildContext())(found).flows["Sampling"].to_list() == [100]


@pytest.mark.parametrize(
    ("sent", "lost"),
    [
        ([0, 1, 2], None),
        ([0, 5, 6], 4),
        ([7, 8, 1, 2], None),  # it began anew, or it is late
        ([0xFFFFFFFF, 0, 3], 2),  # it is of 32 bits
        ([0, 2_000_000, 2_000_001], None),
        ([0, 3, 1, 4], 2),  # what is late was counted as lost
    ],
)
def test_sequence_numbers_say_what_is_lost(
    sent: list[int], lost: int | None, known: Exporters, counted: Counted
) -> None:
    known.payloads(netflow.ipfix(TEMPLATE, sequence=sent[0]), ONE, 0)
    for sequence in sent:
        known.payloads(netflow.ipfix(DATA, sequence=sequence), ONE, 0)
    assert counted.values.get(("ipfix_lost", "in", "192.0.2.1", "flows")) == lost


def test_v9_numbers_packets_and_v5_flows(known: Exporters, counted: Counted) -> None:
    for sequence in (0, 1, 4):
        known.payloads(netflow.v9(DATA, DATA, sequence=sequence), ONE, 0)
    for sequence in (0, 2, 5):
        known.payloads(netflow.v5(Flow(), Flow(), sequence=sequence), ONE, 0)
    assert counted.values["ipfix_lost", "in", "192.0.2.1", "packets"] == 2
    assert counted.values["ipfix_lost", "in", "192.0.2.1", "flows"] == 1


def test_after_a_set_of_unknown_length_the_sequence_begins_anew(
    known: Exporters, counted: Counted
) -> None:
    for sequence in (0, 9):
        known.payloads(netflow.ipfix(DATA, sequence=sequence), ONE, 0)
    assert not any(name == "ipfix_lost" for name, *_ in counted.values)


def test_templates_and_exporters_are_bounded(
    known: Exporters, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporters, "MOST_TEMPLATES", 2)
    monkeypatch.setattr(exporters, "MOST_EXPORTERS", 3)
    for number in (256, 257, 258):
        body = netflow.flowset(2, netflow.template(number))
        known.payloads(netflow.ipfix(body), ONE, 0)
    assert [number for _, _, number in known.known[ONE].templates] == [257, 258]
    for last in range(5):
        known.payloads(netflow.ipfix(DATA), address(f"198.51.100.{last}"), 0)
    assert len(known.known) == 3
    assert sum("templates" in limit for limit in limits.in_effect()) >= 2
    named = {labels[1] for name, *labels in counted.values if name == "ipfix_template_unknown"}
    assert named == {"198.51.100.0", "198.51.100.1", "198.51.100.2", "others"}


def test_fields_of_all_templates_are_bounded(
    known: Exporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporters, "MOST_FIELDS", 25)
    for last in range(5):
        known.payloads(netflow.ipfix(TEMPLATE), address(f"198.51.100.{last}"), 0)
    assert len(known.known) == 2


WHOLE = (
    netflow.ipfix(
        netflow.flowset(2, netflow.template(256), netflow.template(257, [(82, 0xFFFF), (7, 2)])),
        netflow.flowset(3, netflow.options(512, 1, [(149, 4), (34, 4)], 10)),
        netflow.flowset(512, bytes(8)),
        netflow.flowset(257, b"\3eth\0\1\xff\0\2lo\0\2"),
        DATA,
    ),
    netflow.v9(
        netflow.flowset(0, netflow.template(256, netflow.FLOW_V9)),
        netflow.flowset(1, netflow.options(512, 1, [(1, 4), (34, 4)], 9)),
        netflow.flowset(512, bytes(8)),
        netflow.flowset(256, Flow(start=1, end=2).record("II")),
    ),
    netflow.v5(Flow(start=1, end=2), Flow(start=1, end=2)),
)


@given(st.data())
def test_any_bytes_are_flows_or_have_a_reason(data: st.DataObject) -> None:
    """Packets cut and with bits flipped, and bytes of any kind, one after the other."""
    known, decode = Exporters("in", Unmeasured()), decoder(BuildContext())
    for _ in range(4):
        packet = bytearray(data.draw(st.sampled_from(WHOLE) | st.binary(max_size=80)))
        for _ in range(data.draw(st.integers(0, 4)) if packet else 0):
            packet[data.draw(st.integers(0, len(packet) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        cut = data.draw(st.integers(0, len(packet)))
        payloads = known.payloads(bytes(packet[: cut or None]), ONE, 0)
        found = decode(payloads)
        assert found.flows.height + len(found.rejected) == len(payloads)
        assert all(reason for _, reason in found.rejected)
