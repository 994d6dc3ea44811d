"""Flows on their way to a server that is there, away, slow, or does not want them."""

from __future__ import annotations

import threading
import time

import pytest

from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.sender import Sender
from tests.push.support import TRIES, Measured, Server, numbered, to


def until(measured: Measured, *flows: float) -> None:
    """Wait until so many are written, lost and waiting: they are measured one after the other."""
    for _ in range(TRIES):
        if measured.flows() == flows:
            return
        time.sleep(0.1)
    raise AssertionError(measured.values)


def test_flows_arrive_in_order_and_in_batches() -> None:
    server, measured = Server(), Measured()
    sender = Sender("out", to(server, batch_flows=4, batch_wait=60), measured)
    for start in range(0, 10, 2):
        sender.put(numbered(start, 2))
    until(measured, 8, 0, 2)
    sender.close()
    assert server.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert measured.flows() == (10, 0, 0)
    assert measured.values["write_queue_bytes"] == 0
    assert server.closed


def test_a_batch_goes_when_it_has_waited() -> None:
    server, measured = Server(), Measured()
    sender = Sender("out", to(server), measured)
    sender.put(numbered(0, 3))
    until(measured, 3, 0, 0)
    sender.close()


def test_a_batch_is_sent_again_until_it_arrives() -> None:
    def answer(request: int) -> None:
        if request < 4:
            raise UnavailableError("503")

    server, measured = Server(answer), Measured()
    sender = Sender("out", to(server), measured)
    sender.put(numbered(0, 3))
    until(measured, 3, 0, 0)
    assert measured.values["write_retries"] == 3
    assert sender.problem() == ""
    sender.close()


def test_after_the_last_attempt_a_batch_is_lost() -> None:
    """The next one has its own attempts."""

    def answer(request: int) -> None:
        if request <= 3:
            raise UnavailableError("503")

    server, measured = Server(answer), Measured()
    sender = Sender("out", to(server, max_retries=2, batch_flows=3), measured)
    sender.put(numbered(0, 6))
    until(measured, 3, 3, 0)
    assert server.batches == [[3, 4, 5]]
    assert sender.problem() == 'stage "out": a server: flows are lost: 503'
    sender.close()


def test_of_a_batch_that_is_given_up_what_has_arrived_is_written() -> None:
    """A server that takes flows one by one says how many are left."""

    def partly(_: int) -> None:
        raise UnavailableError("busy", left=2)

    measured = Measured()
    sender = Sender("out", to(Server(partly), max_retries=1), measured)
    sender.put(numbered(0, 7))
    sender.close()
    assert measured.flows() == (5, 2, 0)


def test_what_a_server_rejects_is_not_sent_again() -> None:
    """All of a batch, or a part of it that the server names."""

    def answer(request: int) -> None:
        if request == 1:
            raise RejectedError("400 too old")
        if request == 2:
            raise RejectedError("2 are too long", 2)

    server, measured = Server(answer), Measured()
    sender = Sender("out", to(server, batch_flows=3), measured)
    sender.put(numbered(0, 9))
    until(measured, 4, 5, 0)
    assert server.requests == 3
    sender.close()


@pytest.mark.parametrize("error", [RejectedError("no", 10**12), UnavailableError("no", left=99)])
def test_no_more_is_lost_than_was_sent(error: Exception) -> None:
    """Whatever a server says it has left out."""

    def answer(_: int) -> None:
        raise error

    measured = Measured()
    sender = Sender("out", to(Server(answer), max_retries=0), measured)
    sender.put(numbered(0, 10))
    sender.close()
    assert measured.flows() == (0, 10, 0)


def test_a_defect_loses_one_batch(caplog: pytest.LogCaptureFixture) -> None:
    """And says so; the thread goes on."""

    def answer(request: int) -> None:
        if request == 1:
            raise ZeroDivisionError

    server, measured = Server(answer), Measured()
    sender = Sender("out", to(server, batch_flows=3), measured)
    sender.put(numbered(0, 6))
    until(measured, 3, 3, 0)
    assert "stage out: a batch cannot be sent" in caplog.messages
    sender.close()


def test_a_full_queue_loses_the_newest(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing waits for the server."""
    held = threading.Event()
    server, measured = Server(lambda _: assert_(held.wait(60))), Measured()
    sender = Sender("out", to(server, max_flows=10, batch_flows=5), measured)
    for start in range(0, 20, 4):
        sender.put(numbered(start, 4))
    assert measured.flows() == (0, 10, 10)
    assert sender.problem() == 'stage "out": a server: flows are lost: the queue is full'
    held.set()
    sender.close()
    assert server.batches == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert measured.flows() == (10, 10, 0)
    assert caplog.messages[0].startswith('stage "out": a server: 2 flows are lost')


def test_with_block_the_pipeline_waits() -> None:
    """A frame larger than the queue goes through it in pieces."""
    held = threading.Event()
    server, measured = Server(lambda _: assert_(held.wait(60))), Measured()
    sender = Sender("out", to(server, max_flows=4, batch_flows=2, blocks=True), measured)
    putting = threading.Thread(target=sender.put, args=(numbered(0, 30),))
    putting.start()
    assert server.asked.wait(60)
    assert measured.flows()[1:] == (0, 4)
    assert putting.is_alive()
    held.set()
    putting.join(60)
    sender.close()
    assert [n for batch in server.batches for n in batch] == list(range(30))
    assert measured.flows() == (30, 0, 0)


def test_a_pipeline_that_stops_does_not_wait_for_ever() -> None:
    held, stopping = threading.Event(), threading.Event()
    server, measured = Server(lambda _: assert_(held.wait(60))), Measured()
    sender = Sender("out", to(server, max_flows=4, blocks=True, flush=0.1), measured)
    stopping.set()
    sender.put(numbered(0, 6), stopping)
    assert measured.flows() == (0, 2, 4)
    sender.close()
    assert measured.flows() == (0, 6, 0)
    held.set()


def test_the_end_comes_while_the_server_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """What waits is tried to the deadline, then counted and told."""

    def answer(_: int) -> None:
        raise UnavailableError("connection refused")

    server, measured = Server(answer), Measured()
    terms = {"min_backoff": 30.0, "max_backoff": 30.0, "flush": 0.2, "max_retries": 1_000}
    sender = Sender("out", to(server, batch_flows=5, **terms), measured)
    sender.put(numbered(0, 20))
    assert server.asked.wait(60)
    sender.close()
    assert measured.flows() == (0, 20, 0)
    assert not server.batches
    told = [text.split(": ")[2] for text in caplog.messages if "are lost" in text]
    assert sum(int(text.split()[0]) for text in told) == 20


def test_a_pause_ends_with_the_pipeline() -> None:
    """A server that is back by then gets what waits, however long the pause was."""

    def answer(request: int) -> None:
        if request == 1:
            raise UnavailableError("503", 3600)

    server, measured = Server(answer), Measured()
    sender = Sender("out", to(server, max_backoff=3600), measured)
    sender.put(numbered(0, 3))
    assert server.asked.wait(60)
    sender.close()
    assert measured.flows() == (3, 0, 0)


def assert_(value: object) -> None:
    assert value
