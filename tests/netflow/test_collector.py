"""Datagrams to runs of payloads, as a stage gives them."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.decode.splitting import Damaged
from pipeline.netflow.collector import Collector, Terms
from pipeline.netflow.receiver import Losses, Receiver
from pipeline.stage import SourceContext, Unmeasured
from tests.real.parts import free_port
from tests.support import netflow
from tests.support.netflow import Flow

TEMPLATE = netflow.flowset(2, netflow.template(256))
DATA = netflow.flowset(256, Flow().record())


def terms(port: int, batch: int = 1000, linger: float = 0.1) -> Terms:
    return Terms((("127.0.0.1", port),), 1, 1 << 20, 1 << 20, batch, linger)


def context(state: Path | None = None) -> SourceContext:
    return SourceContext(stopping=threading.Event(), state=state, measures=Unmeasured())


def send(port: int, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for packet in packets:
            sock.sendto(packet, ("127.0.0.1", port))


def batch(chunks: Iterator[list[bytes]], least: int = 1) -> list[bytes]:
    """The next payloads, so many at least: those that come late are in another run."""
    payloads: list[bytes] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        payloads += next(chunks)
        if len(payloads) >= least:
            return payloads
        time.sleep(0.01)
    raise TimeoutError


def test_it_gives_what_has_come_and_does_not_wait() -> None:
    port, given = free_port(), context()
    chunks = Collector("in", terms(port), given).chunks()
    assert next(chunks) == []
    send(port, netflow.ipfix(TEMPLATE, DATA, DATA), netflow.v5(Flow()))
    assert len(batch(chunks, 3)) == 3
    given.stopping.set()
    assert list(chunks) == []


def test_a_full_batch_does_not_linger() -> None:
    port = free_port()
    chunks = Collector("in", terms(port, batch=2, linger=3600), context()).chunks()
    assert next(chunks) == []
    send(port, *[netflow.v5(Flow())] * 3)
    assert len(batch(chunks)) >= 2


def test_templates_last_longer_than_a_run(tmp_path: Path) -> None:
    """The second run gets flows, and no template."""
    for packet in (netflow.ipfix(TEMPLATE, DATA), netflow.ipfix(DATA)):
        port, given = free_port(), context(tmp_path)
        chunks = Collector("in", terms(port), given).chunks()
        assert next(chunks) == []
        send(port, packet)
        [flow] = batch(chunks)
        assert not isinstance(flow, Damaged)
        given.stopping.set()
        assert list(chunks) == []


def test_a_port_in_use_ends_it() -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        with pytest.raises(OSError, match="cannot be listened on"):
            next(Collector("in", terms(port), context()).chunks())


def test_losses_are_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(Receiver, "losses", Losses(kernel=3, queue=4))
    given = context()
    chunks = Collector("in", terms(free_port()), given).chunks()
    assert next(chunks) == []
    given.stopping.set()
    with caplog.at_level(logging.ERROR):
        assert list(chunks) == []
    assert 'stage "in": 7 datagrams are lost' in caplog.text
