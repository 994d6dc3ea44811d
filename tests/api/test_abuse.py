"""A worker under abuse while it reads: probes and scrapes are answered, and nothing grows.

The short form runs with all tests; ABUSE=long has five times as many callers, for longer.
"""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Event as EventOf
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipeline.api.callers import Limits
from simulate import simulate

pytestmark = pytest.mark.slow

LONG = os.environ.get("ABUSE") == "long"
IDLE = 5_000 if LONG else 1_000
CROWD = 1_500 if LONG else 300
SECONDS = 60.0 if LONG else 8.0
FEWEST = 20
"""Scrapes, also where the machine is so busy that they take longer."""
# who is put out closes a round of the loop later than who is taken: two rounds may be open at once
DESCRIPTORS = Limits().connections + 300
PATIENCE = 10.0
"""What Prometheus waits for a scrape, in seconds of the worker's processor time.

On a machine that does nothing else these are seconds; on a busy one the worker has only a part of
each, and so have its callers.
"""
FOR_GOOD = 120.0
"""Seconds after which nothing comes any more, however busy the machine is."""
TICK = os.sysconf("SC_CLK_TCK")


class Worker:
    """A worker that reads a long recording; its flows do not end before the test does."""

    def __init__(self, folder: Path) -> None:
        """Its standard input is a recording that begins anew at its end."""
        made = simulate("reference", folder / "reference.pb")
        config = made.config
        text = config.read_text(encoding="utf-8")
        source = r"type: ingest_file, path: \S+,"
        assert re.search(source, text)
        config.write_text(re.sub(source, "type: ingest_stdin,", text), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("flowmatrix")), "run", str(config), "--page"]
        self.log = (folder / "log").open("w+")
        self._process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0"], stdin=subprocess.PIPE, stderr=self.log
        )
        self._ended = threading.Event()
        threading.Thread(
            target=self._feed, args=(made.recording.read_bytes(),), daemon=True
        ).start()
        self.port = int(self._told(r"serving http://127\.0\.0\.1:(\d+)/"))

    def _feed(self, recording: bytes) -> None:
        into = self._process.stdin
        with suppress(OSError):
            while into and not self._ended.is_set():
                into.write(recording)

    def _told(self, pattern: str) -> str:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := re.search(pattern, Path(self.log.name).read_text(encoding="utf-8")):
                return found[1]
            time.sleep(0.05)
        raise AssertionError(Path(self.log.name).read_text(encoding="utf-8"))

    def page(self, path: str) -> str:
        begun = self.processor_seconds
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=FOR_GOOD) as answer:
            found = str(answer.read(), "utf-8")
        assert self.processor_seconds - begun < PATIENCE, path
        return found

    @property
    def processor_seconds(self) -> float:
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICK

    def read(self) -> int:
        """How many flows it has read."""
        found = re.search(r'stage_flows_in\{stage="flows"\} (\S+)', self.page("/metrics"))
        return int(float(found[1])) if found else 0

    def reads_more_than(self, before: int) -> None:
        deadline = time.monotonic() + 120
        while self.read() <= before:
            assert time.monotonic() < deadline, "it reads no more flows"
            time.sleep(0.1)

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    @property
    def megabytes(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index] # it is there

    def end(self) -> None:
        self._ended.set()
        self._process.send_signal(signal.SIGTERM)
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        self._process.wait(60)
        self.log.close()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    running = Worker(tmp_path_factory.mktemp("abuse"))
    try:
        while running.read() < 50_000:
            time.sleep(0.1)
        yield running
    finally:
        running.end()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def send(port: int, data: bytes, stack: ExitStack, times: int = 1) -> None:
    """A connection that sends and then waits; it stays open until the stack ends."""
    with suppress(OSError):
        caller = stack.enter_context(connect(port))
        for _ in range(times):
            caller.sendall(data)


def idle(port: int, stack: ExitStack) -> None:
    for _ in range(IDLE):
        send(port, b"", stack)


def slow_heads(port: int, stack: ExitStack) -> None:
    for _ in range(CROWD):
        send(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-", stack)


def slow_bodies(port: int, stack: ExitStack) -> None:
    head = b"POST /api/v0/peers/apply HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
    for _ in range(CROWD):
        send(port, head + b"\r\nContent-Length: 1000000\r\n\r\n{", stack)


def endless_heads(port: int, stack: ExitStack) -> None:
    for _ in range(CROWD // 10):
        send(port, b"GET / HTTP/1.1\r\n", stack)
        send(port, b"X: " + b"y" * 4_000 + b"\r\n", stack, times=200)


def endless_bodies(port: int, stack: ExitStack) -> None:
    head = b"POST /api/v0/peers/apply HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
    for more in (
        b"\r\nContent-Length: 999999999999\r\n\r\n",
        b"\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        with suppress(OSError):
            caller = stack.enter_context(connect(port))
            caller.sendall(head + more)
            for _ in range(400):
                caller.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


def never_reading(port: int, stack: ExitStack) -> None:
    """Each asks many times for all there is, and reads nothing of it."""
    asked = (
        b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET /api/v0/totals HTTP/1.1\r\nHost: ::1\r\n\r\n"
    )
    for _ in range(CROWD):
        send(port, asked * 20, stack)


def noise(port: int, stack: ExitStack) -> None:
    """Bytes that are no requests."""
    draw = random.Random(7)
    for _ in range(CROWD):
        send(port, draw.randbytes(draw.randrange(1, 2_000)), stack)


Attack = Callable[[int, ExitStack], None]
ATTACKS: list[Attack] = [
    *(idle, slow_heads, slow_bodies, endless_heads, endless_bodies, never_reading, noise),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_probes_and_scrapes_are_answered(worker: Worker, attack: Attack) -> None:
    """While callers of one kind are there, and flows are read."""
    before, read = worker.megabytes, worker.read()
    with ExitStack() as stack:
        attack(worker.port, stack)
        for _ in range(3):
            assert worker.page("/healthz") == '{"status":"alive"}'
            assert worker.page("/readyz").startswith('{"status":"ready"')
        worker.reads_more_than(read)
        assert worker.descriptors < DESCRIPTORS
        assert worker.megabytes < before + 150
    assert worker.page("/healthz")


def harass(port: int, end: EventOf) -> None:
    """Attacks of all kinds at once, again and again."""

    def attack(kind: Attack) -> None:
        while not end.is_set():
            with ExitStack() as stack:
                kind(port, stack)
                end.wait(0.5)

    for kind in ATTACKS:
        threading.Thread(target=attack, args=(kind,)).start()


def test_ten_scrapes_a_second_under_all_of_it(worker: Worker) -> None:
    """Every scrape is whole, and none says less than the one before.

    With all places taken by others, a scrape may be put out before it has asked; few are. Who
    attacks is another process: a scrape shares nothing with it but the worker.
    """
    counted, put_out = list[int](), 0
    new = get_context("spawn")
    end = new.Event()
    attackers = new.Process(target=harass, args=(worker.port, end))
    attackers.start()
    try:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until or len(counted) < FEWEST:
            try:
                counted.append(worker.read())
                assert worker.page("/healthz") == '{"status":"alive"}'
            except ConnectionResetError:
                put_out += 1
            time.sleep(0.1)
        descriptors, megabytes = worker.descriptors, worker.megabytes
        assert attackers.is_alive()
    finally:
        end.set()
        attackers.join()
    print(f"{put_out} put out, {len(counted)} answered")  # noqa: T201 - shown where it fails
    assert put_out <= 1 + len(counted) // 20
    assert counted == sorted(counted)
    worker.reads_more_than(counted[0])
    assert descriptors < DESCRIPTORS
    assert megabytes < 1_500


def test_the_log_says_nothing_of_it(worker: Worker) -> None:
    """A traceback for each would fill a disk."""
    text = Path(worker.log.name).read_text(encoding="utf-8")
    assert "Traceback" not in text
    assert len(text.splitlines()) < 20, text
