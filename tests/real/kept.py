"""Real parts that `make kafka` and `make kube` keep running, each in a folder of its own."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.real.parts import LOCALHOST


@contextmanager
def folder(target: str) -> Iterator[Path]:
    """The folder of a target: build/TARGET, or what DIR names; for one process at a time.

    Raises SystemExit, which names the process that uses the folder.
    """
    path = Path(os.environ.get("DIR") or Path("build") / target).resolve()
    path.mkdir(parents=True, exist_ok=True)
    with (path / ".in-use").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            sys.exit(
                f"{path} is in use by process {lock.read().strip()}: end that one first, "
                f"or choose another folder: make {target} DIR=FOLDER"
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield path


def port(target: str, usual: int) -> int:
    """The port that PORT names, or the usual one. Raises SystemExit when it is taken."""
    chosen = int(os.environ.get("PORT") or usual)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, chosen))
        except OSError as error:
            sys.exit(
                f"port {chosen} of {LOCALHOST}: {error.strerror}: end what listens there, "
                f"or choose another: make {target} PORT=NUMBER"
            )
    return chosen


def until_interrupted(message: str) -> None:
    """Say what runs, and return at Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        signal.pause()
