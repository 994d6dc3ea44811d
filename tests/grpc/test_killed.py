"""Workers with a state that are killed while agents send to all of them, over TLS."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import grpc
import polars as pl
import pytest

from pipeline.stage import VALUE
from pipeline.state import checkpoint_file
from tests.real.parts import free_port
from tests.support.agents import Agent, agent, record, records, trust
from tests.support.certificates import Authority

FLOWS = 7  # in each message
PIPELINE = """
stages:
  - name: agents
    type: ingest_grpc
    listen: "127.0.0.1:%d"
    tls_cert: tls/server.pem
    tls_key: tls/server.key
    client_ca: tls/ca.pem
  - name: counters
    type: encode_prometheus
    follows: agents
    metrics: [{name: flows, type: counter, labels: [SrcAddr]}]
server: {listen: "127.0.0.1:0"}
"""


class Worker:
    """A worker with a port and a state of its own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.port = free_port()
        self.state = folder / f"state-{self.port}"
        self._config = folder / f"{self.port}.yaml"
        self._config.write_text(PIPELINE % self.port)
        self._stack = stack
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-c", "from pipeline.cli import main; main()", "run"]
        process = subprocess.Popen([*command, str(self._config), "--state", str(self.state)])
        self._process = self._stack.enter_context(process)
        self._stack.callback(process.kill)

    def end(self, number: signal.Signals) -> int:
        assert self._process
        self._process.send_signal(number)
        return self._process.wait(timeout=60)

    def counted(self) -> Counter[str]:
        """The flows of each message."""
        [(_, series)] = checkpoint_file.tables(self.state)
        rows = series.group_by("SrcAddr").agg(pl.col(VALUE).sum()).rows()
        return Counter({str(address): int(value) for address, value in rows})


class Senders:
    """Threads that send messages until each is answered: what was, and what nobody knows."""

    def __init__(self, sender: Agent) -> None:
        self._sender = sender
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.answered: list[str] = []
        self.unknown: Counter[str] = Counter()

    @contextmanager
    def sending(self, threads: int) -> Iterator[None]:
        running = [threading.Thread(target=self._send_all) for _ in range(threads)]
        for thread in running:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in running:
                thread.join()

    def have_answers(self, number: int) -> bool:
        """Whether there are so many by now."""
        return len(self.answered) >= number

    def _send_all(self) -> None:
        while not self._over.is_set():
            number = next(self._numbers)
            name = f"0.0.{number >> 8}.{number & 255}"
            message = records([record(number)] * FLOWS)
            while not self._sent(name, message):
                pass

    def _sent(self, name: str, message: bytes) -> bool:
        try:
            self._sender.send(message)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            with self._lock:
                self.unknown[name] += 1
            return False
        with self._lock:
            self.answered.append(name)
        return True


def until(ask: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not ask():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_what_was_answered_is_counted_over_kills(tmp_path: Path) -> None:
    """Three workers, each killed once while four agents send: nothing answered is missing.

    A message without an answer is sent again; it is counted whole, once more for each time that
    nobody knows what became of it, at most.
    """
    ours = Authority(tmp_path / "tls")
    ours.issue("server")
    trusted = trust(ours.certificate, ours.issue("agent"))
    with ExitStack() as stack:
        workers = [Worker(tmp_path, stack) for _ in range(3)]
        for worker in workers:
            worker.start()
        ports = [worker.port for worker in workers]
        senders = Senders(stack.enter_context(agent(*ports, credentials=trusted)))
        with senders.sending(4):
            for worker in workers:
                until((worker.state / "ledger.checkpoint").exists)  # it takes part
                until(partial(senders.have_answers, len(senders.answered) + 50))
                assert worker.end(signal.SIGKILL) == -signal.SIGKILL
                worker.start()
                with agent(worker.port, credentials=trusted) as one:
                    assert one.health() == b"\x08\x01"
                until(partial(senders.have_answers, len(senders.answered) + 50))
        assert [worker.end(signal.SIGTERM) for worker in workers] == [0, 0, 0]
    counted = sum((worker.counted() for worker in workers), Counter())
    assert set(counted) == set(senders.answered)
    times = {name: flows / FLOWS for name, flows in counted.items()}
    assert len(set(senders.answered)) == len(senders.answered) > 150
    assert {name: n for name, n in times.items() if n != int(n)} == {}, "a message is whole"
    beyond = {name: n for name, n in times.items() if not 1 <= n <= 1 + senders.unknown[name]}
    assert beyond == {}
