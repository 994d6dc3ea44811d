"""What the real parts share: a cache, free ports, small HTTP calls, and processes that end."""

from __future__ import annotations

import fcntl
import http.client
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple, Self

LOCALHOST = "127.0.0.1"
_POLICY = Path("/usr/sbin/policy-rc.d")


class Missing(Exception):  # noqa: N818 - it is a state of the machine, not an error of the tests
    """A real part that cannot be had here; the message says what to install."""


def cache(name: str) -> Path:
    """The folder of a part in the user's cache, made if need be; the version is in its name."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "flowmatrix" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time fills a folder of the cache."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def tool(name: str, hint: str) -> str:
    """The path of a command that the user installs."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed: {hint}")
    return found


def debian(package: str, binary: str) -> str:
    """The path of a Debian package's command; root on Debian gets the package installed."""
    found = shutil.which(binary)
    if found is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(f"{binary} is not installed: install the package {package}")
    with locked(cache("debian")), _no_services():
        _apt_get("update")
        _apt_get("install", "-y", "--no-install-recommends", package)
    return tool(binary, f"the package {package} did not bring it")


def _apt_get(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"{' '.join(command)} failed: {done.stderr.strip()}")


@contextmanager
def _no_services() -> Iterator[None]:
    """Debian starts what it installs, unless this file forbids it."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def free_port(count: int = 1) -> int:
    """A port of 127.0.0.1 that nothing listens on, as the ones after it if more are wanted.

    No process gets one twice before it had all of its own, so two servers that are described
    before they start differ; and no client's connection gets one by chance meanwhile.
    """
    while True:
        wanted = list(islice(_PORTS, count))
        if wanted[-1] - wanted[0] == count - 1 and all(map(_is_free, wanted)):
            return wanted[0]


def _own_ports() -> Iterator[int]:
    """Ports that systems give to no client; each process that runs tests begins with others."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    first = worker * _PORTS_OF_A_WORKER + random.randrange(_PORTS_OF_A_WORKER)
    return cycle([*_SERVERS[first % len(_SERVERS) :], *_SERVERS[: first % len(_SERVERS)]])


_SERVERS = range(15_000, 32_000)
_PORTS_OF_A_WORKER = 1_000
_PORTS = _own_ports()


def _is_free(port: int) -> bool:
    with ExitStack() as probes, suppress(OSError):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            probes.enter_context(socket.socket(type=kind)).bind((LOCALHOST, port))
        return True
    return False


class Answer(NamedTuple):
    """Status and body of an HTTP call."""

    status: int
    body: bytes


def call(
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One HTTP(S) request to a local server; OSError when nothing answers, or not to the end."""
    connection = (
        http.client.HTTPSConnection(LOCALHOST, port, timeout=60, context=tls)
        if tls
        else http.client.HTTPConnection(LOCALHOST, port, timeout=60)
    )
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except http.client.HTTPException as error:
        raise ConnectionError(f"the answer of {path} ends early") from error
    finally:
        connection.close()


class Server:
    """A process of ours, its output kept in a file. Leaving the context stops it."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.command = list(command)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], bool], *, seconds: float = 120) -> None:
        """Start it and wait until `ready()`, which may raise OSError while nothing listens."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command, stdout=out, stderr=out, cwd=self.log.parent, start_new_session=True
            )
        deadline = time.monotonic() + seconds
        while not _holds(ready):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                why = "ended" if ended else f"was not ready after {seconds:.0f} s"
                tail = self.log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{self.command[0]} {why}:\n{tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in order (SIGTERM), by force after two minutes."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(120)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it where it stands (SIGSTOP): it holds its ports and answers nothing."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send any signal."""
        if self._process is None:
            raise RuntimeError(f"{self.command[0]} is not running")
        self._process.send_signal(number)

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _holds(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except OSError:
        return False
