"""Messages of agents, cut into Records without decoding them."""

from __future__ import annotations

import pytest

from pipeline.decode import protobuf
from pipeline.decode.records import entries
from pipeline.decode.splitting import Damaged
from pipeline.stage import BuildContext
from tests.support.agents import record, records


def test_a_message_is_cut_into_its_records() -> None:
    """What is cut decodes as the same Records do that come one a message."""
    wanted = [record(number, bytes=number * 1000) for number in range(1, 300)]
    found, fault = entries(records(wanted))
    assert (found, fault) == (wanted, "")
    flows = protobuf.decoder(BuildContext(needed=frozenset({"Bytes"})))(found).flows
    assert flows["Bytes"].to_list() == [number * 1000 for number in range(1, 300)]


def test_what_is_not_a_record_is_cut_all_the_same() -> None:
    """So the decoder rejects it alone."""
    assert entries(records([b"\xff", b"", record(1)])) == ([b"\xff", b"", record(1)], "")


def test_an_empty_message_has_no_records() -> None:
    assert entries(b"") == ([], "")


@pytest.mark.parametrize(
    "message",
    [
        b"\xff\xff",
        records([record(1)])[:-1],
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x08\x01",  # no entries, but something else: it is of another service
        b"GET / HTTP/1.1\r\n",
        b"\x0b" * 100_000,
    ],
)
def test_what_is_not_a_message_is_one_payload_with_the_reason(message: bytes) -> None:
    [damaged], fault = entries(message)
    assert isinstance(damaged, Damaged)
    assert (damaged, damaged.reason) == (message, fault)
    assert fault == "this is not a message with Records"
