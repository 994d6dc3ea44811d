"""Protobuf payloads to columns, and which payloads of a batch are malformed."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.decode.parser import Parser
from pipeline.decode.record import descriptor
from tests.support.records import DECODE, message_class, record

PARSER = Parser(descriptor(["bytes", "dns_name"]))
GOOD = record(bytes=7).SerializeToString()
MALFORMED = b"\xff"


def test_wire_columns_are_the_fields_of_the_descriptor() -> None:
    wire, rejected = PARSER.parse([message_class()(bytes=5, packets=2).SerializeToString(), b""])
    assert rejected == []
    assert wire.to_dict(as_series=False) == {"bytes": [5, 0], "dns_name": ["", ""]}


def test_no_payloads_give_no_rows() -> None:
    wire, rejected = PARSER.parse([])
    assert (wire.height, wire.columns, rejected) == (0, ["bytes", "dns_name"], [])


def test_a_batch_of_nothing_but_malformed_payloads() -> None:
    wire, rejected = PARSER.parse([MALFORMED] * 5)
    assert wire.height == 0
    assert [index for index, _ in rejected] == [0, 1, 2, 3, 4]
    assert all(reason for _, reason in rejected)


def test_malformed_payloads_anywhere_leave_the_others_in_order() -> None:
    payloads = [message_class()(bytes=n).SerializeToString() for n in range(1, 101)]
    places = sorted(Random(0).sample(range(100), 30))
    for place in places:
        payloads[place] = MALFORMED
    wire, rejected = PARSER.parse(payloads)
    assert [index for index, _ in rejected] == places
    assert wire["bytes"].to_list() == [n for n in range(1, 101) if n - 1 not in places]


def test_a_text_that_is_not_utf8_is_malformed_only_where_it_is_read() -> None:
    """Both parsers agree on that, whichever looks first: the slow one has the large payloads."""
    name = message_class()(bytes=8).SerializeToString() + b"\x82\x02\x01\xff"
    large = message_class()(bytes=9, interface="x" * 9000).SerializeToString() + name[2:]
    assert [index for index, _ in PARSER.parse([GOOD, name, large])[1]] == [1, 2]
    wire, rejected = Parser(descriptor(["bytes"])).parse([GOOD, name, large])
    assert (wire["bytes"].to_list(), rejected) == ([7, 8, 9], [])


def test_a_field_of_another_wire_type_is_skipped_as_an_unknown_one_is() -> None:
    text_for_a_number, unknown = b"\x42\x01x", b"\xfa\x3f\x01x"
    wire, rejected = PARSER.parse([GOOD, text_for_a_number, unknown + GOOD])
    assert (wire["bytes"].to_list(), rejected) == ([7, 0, 7], [])


def test_deep_nesting_cannot_overflow_the_stack() -> None:
    groups = b"\x0b" * 1_000_000
    inner = b"\x32" + bytes([0xC0, 0x84, 0x3D]) + groups
    large = record(dns_name="x" * 20_000, bytes=8).SerializeToString()
    decoded = DECODE([large, GOOD, groups, large, inner, b"\xff", large, GOOD])
    assert [index for index, _ in decoded.rejected] == [2, 4, 5]
    assert decoded.rejected[0][1] == "malformed, or nested too deeply"
    assert decoded.flows["Bytes"].to_list() == [8, 7, 8, 8, 7]


@pytest.mark.parametrize("back", [1, 5, 9, 12, 2**62])
def test_a_length_beyond_all_numbers_is_malformed(back: int) -> None:
    """The fast parser panics of it, which is no `Exception`: one message ended a worker."""
    length = bytes(
        ((2**64 - back) >> 7 * place & 127) | (128 if place < 9 else 0) for place in range(10)
    )
    for tag in (b"\x32", b"\x1a", b"\x52", b"\xa2\x06"):  # network, a time, a text, unknown
        wire, rejected = PARSER.parse([GOOD, GOOD + tag + length + b"xyz", MALFORMED, GOOD])
        assert [index for index, _ in rejected] == [1, 2]
        assert wire["bytes"].to_list() == [7, 7]
        decoded = DECODE([GOOD + tag + length] * 3 + [GOOD])
        assert [index for index, _ in decoded.rejected] == [0, 1, 2]
