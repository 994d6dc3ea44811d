"""Batches on their way to a collector over TCP and UDP."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.netflow.export import Collector, Exporter
from pipeline.netflow.packet import parse, sets
from pipeline.netflow.selection import selected
from pipeline.push.destination import UnavailableError
from pipeline.testing import frame
from tests.real.parts import free_port

FLOWS = selected(frame([{"SrcAddr": f"10.0.0.{n}", "Bytes": n} for n in range(100)]), 0)
HOST = "127.0.0.1"


@contextmanager
def exporter(transport: str, port: int, interval: float = 60.0) -> Iterator[Exporter]:
    to = Collector(
        address="it",
        host=HOST,
        port=port,
        transport=transport,
        enterprise=0,
        interval=interval,
    )
    made = to.connect()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(60)
        sock.bind((HOST, 0))
        yield sock


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as sock:
        sock.settimeout(60)
        yield sock


def datagrams(sock: socket.socket, records: int) -> list[bytes]:
    """What comes, up to so many records."""
    found: list[bytes] = []
    while sum(map(count, found)) < records:
        found.append(sock.recv(65_535))
    return found


def count(message: bytes) -> int:
    """Its data records: those of IPv4 have no text of more than no byte here."""
    size = len(next(iter(sets(parse(message)))).body)
    return 0 if message[16:18] == b"\0\2" else size // _SIZE


def _record() -> int:
    from pipeline.netflow.records import records  # noqa: PLC0415 - of one flow

    [(_, [one])] = records(FLOWS.head(1), 0)
    return len(one)


_SIZE = _record()


def test_udp_has_templates_first_and_messages_that_fit_a_packet(udp: socket.socket) -> None:
    with exporter("udp", udp.getsockname()[1]) as made:
        made.send(FLOWS)
        found = datagrams(udp, 100)
        assert [one.number for message in found for one in sets(parse(message))] == [
            2,
            *[256] * (len(found) - 1),
        ]
        assert max(map(len, found)) <= 1500
        sequences = [parse(message).sequence for message in found[1:]]
        assert sequences == [sum(map(count, found[1 : n + 1])) for n in range(len(found) - 1)]


def test_udp_has_templates_again_after_the_interval(udp: socket.socket) -> None:
    with exporter("udp", udp.getsockname()[1], interval=0.0) as made:
        for _ in range(2):
            made.send(FLOWS.head(1))
        numbers = [message[17] for message in (udp.recv(9999) for _ in range(4))]
        assert numbers == [2, 0, 2, 0]


def test_tcp_has_templates_once_in_each_connection(tcp: socket.socket) -> None:
    with exporter("tcp", tcp.getsockname()[1], interval=0.0) as made:
        for connection in range(2):
            made.send(FLOWS)
            made.send(FLOWS)
            reader, _ = tcp.accept()
            with reader:
                found = messages(reader, 200)
            assert [message[17] for message in found].count(2) == 1, connection
            assert parse(found[1]).sequence == 0


def messages(reader: socket.socket, records: int) -> list[bytes]:
    """What comes, cut by the lengths that the messages have."""
    reader.settimeout(60)
    found: list[bytes] = []
    with reader.makefile("rb") as file:
        while sum(map(count, found)) < records:
            head = file.read(16)
            (length,) = struct.unpack_from(">H", head, 2)
            found.append(head + file.read(length - 16))
    return found


def often(made: Exporter) -> None:
    for _ in range(50):
        made.send(FLOWS)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_collector_that_is_away_is_unavailable(transport: str) -> None:
    """Over UDP the second batch learns it, from the answer of the system to the first."""
    with exporter(transport, free_port()) as made, pytest.raises(UnavailableError) as caught:
        often(made)
    assert "Connection refused" in str(caught.value)


def test_a_collector_that_comes_back_is_found(tcp: socket.socket) -> None:
    port = tcp.getsockname()[1]
    with exporter("tcp", port) as made:
        made.send(FLOWS.head(1))
        reader, _ = tcp.accept()
        reader.close()
        tcp.close()
        with pytest.raises(UnavailableError):
            often(made)
        with socket.create_server((HOST, port)) as again:
            made.send(FLOWS.head(1))
            reader, _ = again.accept()
            with reader:
                assert len(messages(reader, 1)) == 2
