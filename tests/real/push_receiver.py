"""A server that is pushed to, which decodes what comes with the types of Loki and OpenTelemetry."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.real import parts
from tests.real.go import built

_TRIES = 1_200


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
    return built("push-receiver", "it builds the server that clients of Loki push to")
