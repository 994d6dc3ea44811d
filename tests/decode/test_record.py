"""The message Record against the table of docs/reference/decoding.md#record."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.decode.record import MESSAGES, descriptor
from tests.support.records import message_class

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "decoding.md"


def table() -> dict[int, str]:
    """Number and name of each field of a Record."""
    section = PAGE.read_text().split("\n## Record\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \| ([^|]+) \|", section, re.MULTILINE)
    return {
        int(number): name
        for numbers, names in rows
        for number, name in zip(
            numbers.split(", "), names.split(", ")[: len(numbers.split(", "))], strict=True
        )
    }


def repeated() -> set[str]:
    return set(re.findall(r"^\| \d+ \| (\w+), repeated \|", PAGE.read_text(), re.MULTILINE))


def test_fields_have_the_numbers_of_the_reference() -> None:
    assert {field.number: field.name for field in descriptor().fields} == table()
    assert len(table()) == 38


def test_lists_are_those_of_the_reference() -> None:
    assert {f.name for f in descriptor().fields if f.is_repeated} == repeated()
    assert repeated() == {"dup_list", "network_events_metadata"}


def test_messages_of_the_wire() -> None:
    """Bytes written by hand: bytes 300, a source of 10.0.0.1, a negative return code of IPsec."""
    message = message_class().FromString(
        b"\x40\xac\x02\x32\x07\x0a\x05\x0d\x01\x00\x00\x0a\xf8\x01" + b"\xff" * 9 + b"\x01"
    )
    assert message.bytes == 300
    assert message.network.src_addr.ipv4 == 0x0A000001
    assert message.ipsec_encrypted_ret == -1


def test_an_address_is_of_one_family_the_last_one_given() -> None:
    message = message_class()()
    message.agent_ip.ipv4 = 7
    message.agent_ip.ipv6 = b"\x00" * 16
    assert message.agent_ip.WhichOneof("ip_family") == "ipv6"
    assert message.agent_ip.ipv4 == 0


@pytest.mark.parametrize("fields", [[], ["bytes"], ["network", "quic"]])
def test_a_reduced_record_has_the_fields_asked_for_and_skips_the_others(fields: list[str]) -> None:
    reduced = descriptor(fields)
    assert {field.name for field in reduced.fields} == set(fields)
    assert {m.name for m in reduced.file.message_types_by_name.values()} == set(MESSAGES)


def test_a_field_that_a_record_has_not_got_is_not_made_up() -> None:
    assert [field.name for field in descriptor(["bytes", "no_such"]).fields] == ["bytes"]
