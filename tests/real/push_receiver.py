"""A server that is pushed to, which decodes what comes with the types of Loki and OpenTelemetry."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.real import parts

_MODULE = Path(__file__).parent / "push-receiver"
_TRIES = 300


class Received(NamedTuple):
    """A request: where to, its headers (names in lower case), what was answered, its content."""

    path: str
    headers: dict[str, str]
    status: int
    body: Any


class PushReceiver:
    """The server. `answer` says how it answers from now on."""

    def __init__(self, http: int, grpc: int) -> None:
        self.port = http
        self.grpc_port = grpc

    @property
    def url(self) -> str:
        """Where it takes HTTP."""
        return f"http://{parts.LOCALHOST}:{self.port}"

    def answer(self, *statuses: int) -> None:
        """Forget what came; answer with these statuses in turn, then take everything."""
        parts.call(self.port, "/answers", method="POST", body=json.dumps(statuses))

    def received(self, count: int = 0) -> Sequence[Received]:
        """The requests so far, once there are so many."""
        for _ in range(_TRIES):
            found = [
                Received(
                    one["path"],
                    {name.lower(): values[0] for name, values in one["headers"].items()},
                    one["status"],
                    one["body"],
                )
                for one in json.loads(parts.call(self.port, "/received").body)
            ]
            if len(found) >= count:
                return found
            time.sleep(0.1)
        raise AssertionError(found)


@contextmanager
def push_receiver() -> Iterator[PushReceiver]:
    """A server that ends with the context."""
    with subprocess.Popen([str(_binary())], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            http, grpc = process.stdout.readline().split()
            yield PushReceiver(int(http), int(grpc))
        finally:
            process.kill()


@cache
def _binary() -> Path:
    """The command, built by the Go that is installed."""
    go = parts.tool("go", "it builds the server that Loki's and OpenTelemetry's clients push to")
    source = b"".join((_MODULE / name).read_bytes() for name in ("main.go", "go.sum"))
    binary = parts.cache(f"push-receiver-{hashlib.sha256(source).hexdigest()[:12]}") / "receiver"
    with parts.locked(binary.parent):
        if not binary.exists():
            partial = binary.with_suffix(".partial")
            command = [go, "build", "-trimpath", "-o", str(partial), "."]
            done = subprocess.run(command, cwd=_MODULE, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise parts.Missing(f"push-receiver did not build: {done.stderr[-2000:]}")
            partial.rename(binary)
    return binary
