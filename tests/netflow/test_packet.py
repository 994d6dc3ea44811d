"""Headers and sets."""

import struct

import pytest

from pipeline.netflow.packet import Packet, Set, parse, sets
from pipeline.netflow.template import MalformedError
from tests.support import netflow
from tests.support.netflow import EXPORTED


def test_ipfix() -> None:
    found = parse(netflow.ipfix(netflow.flowset(2, b"abcd"), sequence=7, domain=9) + b"behind it")
    assert found == Packet(10, EXPORTED, 7, 9, netflow.flowset(2, b"abcd"))


def test_v9() -> None:
    found = parse(netflow.v9(netflow.flowset(0, b"abcd"), sequence=7, domain=9, uptime=5))
    assert found == Packet(9, EXPORTED, 7, 9, netflow.flowset(0, b"abcd"), uptime=5, records=1)


def test_v5() -> None:
    """The two highest bits of the interval say how packets are chosen."""
    found = parse(netflow.v5(netflow.Flow(), sequence=7, sampling=0x4000 | 100))
    assert (found.version, found.records, found.interval, found.sequence) == (5, 1, 100, 7)
    assert (len(found.body), found.wrong) == (48, "")


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "a packet of 0 bytes"),
        (b"\0", "a packet of 1 bytes"),
        (b"\0\7" + bytes(30), "neither IPFIX nor NetFlow v9 or v5: version 7"),
        (netflow.ipfix()[:15], "a packet of 15 bytes ends inside its header"),
        (netflow.v9()[:19], "a packet of 19 bytes ends inside its header"),
        (netflow.v5()[:23], "a packet of 23 bytes ends inside its header"),
        (b"\0\n\0\3" + bytes(12), "a message says that it has 3 bytes"),
    ],
)
def test_malformed_headers(datagram: bytes, reason: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse(datagram)
    assert str(caught.value) == reason


def test_a_packet_that_is_cut_says_so() -> None:
    message = netflow.ipfix(netflow.flowset(256, bytes(40)))
    assert parse(message[:-1]).wrong == "a message of 60 bytes ends after 59"
    two = netflow.v5(netflow.Flow(), netflow.Flow())
    assert parse(two[:-1]).wrong == "a packet of 2 records ends after 1"


@pytest.mark.parametrize(
    ("behind", "wrong"),
    [
        (b"", None),
        (bytes(7), None),
        (b"\1\0\1", "a packet ends inside the header of a set"),
        (struct.pack(">HH", 256, 3), "a set says that it has 3 bytes"),
        (struct.pack(">HH", 256, 9) + bytes(4), "a set of 9 bytes ends after 8"),
    ],
)
def test_sets(behind: bytes, wrong: str | None) -> None:
    first, *rest = sets(parse(netflow.v9(netflow.flowset(0, b"abcd"), behind)))
    assert first == Set(0, b"abcd")
    assert [one.wrong for one in rest] == ([] if wrong is None else [wrong])
