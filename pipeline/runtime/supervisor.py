"""Several workers of one group on one machine: processes that are started again when they die."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import FrameType

_PAUSE = 1.0
_POLL = 0.1
_LAST_PORT = 65_535
_START = "from pipeline.cli import main; main()"
_log = logging.getLogger(__name__)


class Supervisor:
    """Runs `flowmatrix` once per list of arguments. A process that is killed comes back.

    One that ends with an error of its own (exit code above 0) ends all of them, with its code: it
    has said why, and would only say so again.
    """

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._commands = commands
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stopping = threading.Event()
        self._end = signal.SIGTERM
        threads = max(1, (os.cpu_count() or 1) // len(commands))
        self._environment = {"POLARS_MAX_THREADS": str(threads)} | os.environ

    def run(self) -> int:
        """Run until `stop()`, or until one fails; the exit code."""
        for number in range(len(self._commands)):
            self._start(number)
        while any(process.poll() is None for process in self._processes):
            self._stopping.wait(_POLL)
            for number, process in enumerate(self._processes):
                code = process.poll()
                if code is not None and code < 0 and not self._stopping.is_set():
                    _log.warning("worker %d was ended by signal %d", number, -code)
                    if not self._stopping.wait(_PAUSE):
                        self._start(number)
                elif code and code > 0:
                    self.stop()
            if self._stopping.is_set():
                self._wait()
        return max(0, *(process.returncode for process in self._processes))

    def stop(self) -> None:
        """Let all of them end in order."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End all of them at once."""
        self._end = signal.SIGKILL
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def on_signals(self) -> None:
        """SIGTERM and Ctrl-C stop, a second one kills; SIGHUP is passed on."""

        def end(_number: int, _frame: FrameType | None) -> None:
            (self.kill if self._stopping.is_set() else self.stop)()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGHUP, lambda number, _frame: self._signal(signal.Signals(number)))

    def _wait(self) -> None:
        for process in self._processes:
            process.wait()

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(number)

    def _start(self, number: int) -> None:
        command = [sys.executable, "-c", _START, *self._commands[number]]
        environment = {**self._environment, "FLOWMATRIX_WORKER": str(number)}
        process = subprocess.Popen(command, env=environment)  # noqa: S603 - this program again
        self._processes[number : number + 1] = [process]
        if self._stopping.is_set():  # since it was decided to start this one
            process.send_signal(self._end)


def addresses(listen: str, workers: int) -> list[str]:
    """The address of each worker's server: the port given and those after it (0: any).

    Raises ValueError when there are not so many ports.
    """
    host, _, port = listen.rpartition(":")
    first = int(port)
    if first and first + workers - 1 > _LAST_PORT:
        raise ValueError(f"{workers} servers take more ports than there are from {first} on")
    return [f"{host}:{first + number if first else 0}" for number in range(workers)]
