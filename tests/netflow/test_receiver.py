"""Sockets: what comes is queued, what is lost is counted."""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pipeline.netflow.payload import address
from pipeline.netflow.receiver import Datagram, Losses, Receiver

HOST = "127.0.0.1"


def receiver(*, sockets: int = 1, buffer: int = 1 << 20, most: int = 1 << 20) -> Receiver:
    return Receiver([(HOST, 0)], sockets, buffer, most, threading.Event())


@contextmanager
def sender(to: Receiver) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(to.addresses[0])
        yield sock


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_datagrams_come_in_order_with_their_sender() -> None:
    with receiver() as made, sender(made) as sock:
        before = int(time.time())
        for number in range(10):
            sock.send(b"%d" % number)
        wait(lambda: made.waiting == (10, 10))
        found = made.take(4) + made.take(100)
        assert [one.data for one in found] == [b"%d" % number for number in range(10)]
        assert {one.sender for one in found} == {address(HOST)}
        assert all(before <= one.received <= time.time() for one in found)
        assert made.waiting == (0, 0)
        assert made.losses == Losses(0, 0)


def test_several_sockets_share_a_port() -> None:
    with receiver(sockets=3) as made:
        for _ in range(30):
            with sender(made) as sock:  # each from a port of its own, so that all sockets get some
                sock.send(b"x")
        wait(lambda: made.waiting[0] == 30)
        assert len(made.addresses) == 1


def test_beyond_its_bytes_the_queue_loses_what_comes() -> None:
    with receiver(most=100) as made, sender(made) as sock:
        for _ in range(5):
            sock.send(bytes(40))
        wait(lambda: made.losses.queue == 3)
        assert [one.data for one in made.take(9)] == [bytes(40)] * 2
        sock.send(b"x")
        wait(lambda: made.waiting == (1, 1))


def test_what_the_kernel_loses_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that reads is held up, until the socket's buffer is full."""
    held, put = threading.Event(), Receiver._put

    def slow(self: Receiver, datagram: Datagram) -> None:
        held.wait(60)
        put(self, datagram)

    monkeypatch.setattr(Receiver, "_put", slow)
    with receiver(buffer=4096) as made, sender(made) as sock:
        for _ in range(200):
            sock.send(bytes(1000))
        assert made.losses.kernel > 100
        held.set()
        wait(lambda: made.waiting[0] + made.losses.kernel == 200)


def test_enough_datagrams_wake_who_waits() -> None:
    arrived = threading.Event()
    with Receiver([(HOST, 0)], 1, 1 << 20, 1 << 20, arrived) as made, sender(made) as sock:
        sock.send(b"x")
        wait(lambda: made.waiting[0] == 1)
        assert not arrived.is_set()
        for _ in range(300):
            sock.send(b"x")
            time.sleep(0.0005)
        assert arrived.wait(60)


def test_an_address_in_use_is_told() -> None:
    with receiver() as made:
        host, port = made.addresses[0]
        other = Receiver([(HOST, 0), (host, port)], 1, 4096, 4096, threading.Event())
        with pytest.raises(OSError, match=f"{HOST}:{port} cannot be listened on"), other:
            pass


def test_ipv6() -> None:
    with Receiver([("::1", 0)], 1, 4096, 4096, threading.Event()) as made:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", made.addresses[0])
        wait(lambda: made.waiting == (1, 1))
        assert made.take(1)[0].sender == address("::1")


class Unwell(socket.socket):
    """A socket of a network that is down when it is read for the first time."""

    reads = 0

    def recvfrom(self, *size: int) -> tuple[bytes, tuple[str, int]]:
        self.reads += 1
        if self.reads == 1:
            raise OSError(errno.ENETDOWN, "Network is down")
        found: tuple[bytes, tuple[str, int]] = super().recvfrom(*size)
        return found


def test_a_network_that_was_down_is_read_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pipeline.netflow.receiver._PAUSE", 0.0)
    monkeypatch.setattr("pipeline.netflow.receiver.socket.socket", Unwell)
    with receiver() as made:
        monkeypatch.undo()
        with sender(made) as sock:
            sock.send(b"x")
            wait(lambda: made.waiting == (1, 1))
    assert [record.getMessage() for record in caplog.records] == [
        "datagrams cannot be read: Network is down"
    ]
