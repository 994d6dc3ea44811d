"""Processes that are started again when they die, and end together."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.runtime.supervisor import Supervisor, addresses

pytestmark = pytest.mark.slow

PIPELINE = """\
stages:
- {name: in, type: ingest_stdin, decoder: json}
- {name: out, type: write_stdout, follows: in}
"""
_PATIENCE = 60.0


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A worker that serves until it is told to stop; its file's name is its own."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE)
    return ["run", str(path), "--listen", "127.0.0.1:0"]


def children(command: list[str]) -> dict[str, int]:
    """The processes that run a command, by the number that they were given."""
    found: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[1].encode() in arguments:
            numbers = [v for v in variables if v.startswith(b"FLOWMATRIX_WORKER=")]
            found |= {number.decode().partition("=")[2]: int(folder.name) for number in numbers}
    return found


def wait(ready: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Running(threading.Thread):
    """A supervisor at work; `code` is what it ended with."""

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__(daemon=True)
        self.supervisor = supervisor
        self.code: int | None = None
        self.start()

    def run(self) -> None:
        self.code = self.supervisor.run()

    def ended(self) -> int | None:
        """What it ended with; None when it does not end, and then its workers are killed."""
        self.join(_PATIENCE)
        if self.is_alive():
            self.supervisor.kill()
        return self.code


def test_a_killed_worker_comes_back_and_all_end_in_order(command: list[str]) -> None:
    running = Running(Supervisor([command, command]))
    wait(lambda: len(children(command)) == 2)
    first = children(command)
    assert set(first) == {"0", "1"}
    os.kill(first["1"], signal.SIGKILL)
    wait(lambda: children(command).get("1") not in {None, first["1"]})
    assert children(command)["0"] == first["0"]
    running.supervisor.stop()
    assert running.ended() == 0
    assert children(command) == {}


def test_a_worker_that_ends_with_an_error_ends_all_with_its_code(command: list[str]) -> None:
    running = Running(Supervisor([command, ["run", "--no-such-option"]]))
    assert running.ended() == 2
    assert children(command) == {}


def test_workers_that_end_by_themselves_end_the_supervisor() -> None:
    assert Running(Supervisor([["--help"], ["--help"]])).ended() == 0


def test_a_stop_while_a_killed_worker_is_about_to_come_back(
    command: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """It does not come back, and nothing is waited for."""
    running = Running(Supervisor([command]))
    wait(lambda: children(command))
    os.kill(children(command)["0"], signal.SIGKILL)
    wait(lambda: "signal 9" in caplog.text)
    running.supervisor.stop()
    assert running.ended() == 0
    assert children(command) == {}


def test_a_stop_before_the_workers_are_started_ends_them(command: list[str]) -> None:
    supervisor = Supervisor([command, command])
    supervisor.stop()
    assert Running(supervisor).ended() == 0
    assert children(command) == {}


def test_a_kill_ends_workers_that_do_not_listen(command: list[str]) -> None:
    """A stopped process does not take SIGTERM; it goes at once all the same."""
    running = Running(Supervisor([command]))
    wait(lambda: children(command))
    os.kill(children(command)["0"], signal.SIGSTOP)
    running.supervisor.stop()
    running.supervisor.kill()
    assert running.ended() == 0
    assert children(command) == {}


@pytest.mark.parametrize(
    ("listen", "workers", "expected"),
    [
        ("127.0.0.1:9102", 3, ["127.0.0.1:9102", "127.0.0.1:9103", "127.0.0.1:9104"]),
        ("[::1]:80", 2, ["[::1]:80", "[::1]:81"]),
        ("127.0.0.1:0", 2, ["127.0.0.1:0", "127.0.0.1:0"]),
    ],
)
def test_each_worker_has_the_next_port(listen: str, workers: int, expected: list[str]) -> None:
    """Port 0, any that is free, stays 0."""
    assert addresses(listen, workers) == expected


def test_more_workers_than_ports() -> None:
    assert addresses("[::1]:65534", 2) == ["[::1]:65534", "[::1]:65535"]
    with pytest.raises(ValueError, match="3 servers take more ports than there are from 65534 on"):
        addresses("[::1]:65534", 3)
