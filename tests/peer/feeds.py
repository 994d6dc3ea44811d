"""How flows come to the original: lines of its standard input, a topic, or calls over gRPC.

This engine reads the same messages from a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from subprocess import Popen
from typing import Any, Protocol

import grpc
from google.protobuf.internal.encoder import _VarintBytes  # type: ignore[attr-defined]

from pipeline.decode import Format
from tests.kafka.support.feeding import produce
from tests.real.broker import Broker
from tests.real.parts import free_port
from tests.support.agents import agent, records

_TOPICS = count()


class Feed(Protocol):
    """The messages of an example, and how the original gets them."""

    @property
    def ingest(self) -> Mapping[str, Any]:
        """The ingester of the original."""

    @property
    def size(self) -> int:
        """How many messages there are."""

    def send(self, process: Popen[bytes]) -> None:
        """Bring them to the original, which is ready."""

    def recorded(self, folder: Path) -> Mapping[str, Any]:
        """An ingester that reads them from a file, which is written."""


def _file(path: Path, decoder: Format) -> Mapping[str, Any]:
    return {"type": "file", "file": {"filename": path.name, "decoder": {"type": decoder}}}


def _recording(messages: Sequence[bytes], folder: Path) -> Path:
    path = folder / "flows.pb"
    path.write_bytes(b"".join(_VarintBytes(len(one)) + one for one in messages))
    return path


@dataclass(frozen=True)
class Lines:
    """JSON lines of the standard input."""

    text: str

    @property
    def ingest(self) -> Mapping[str, Any]:
        return {"type": "stdin"}

    @property
    def size(self) -> int:
        return self.text.count("\n")

    def send(self, process: Popen[bytes]) -> None:
        assert process.stdin
        process.stdin.write(self.text.encode())
        process.stdin.flush()

    def recorded(self, folder: Path) -> Mapping[str, Any]:
        path = folder / "flows.jsonl"
        path.write_text(self.text)
        return _file(path, "json")


@dataclass(frozen=True)
class Topic:
    """Messages of a topic of its own, which is read from its start without a group."""

    broker: Broker
    messages: Sequence[bytes]
    decoder: Format
    name: str = field(default_factory=lambda: f"peer-{next(_TOPICS)}")

    def __post_init__(self) -> None:
        self.broker.create_topic(self.name)

    @property
    def ingest(self) -> Mapping[str, Any]:
        own = {"brokers": [self.broker.bootstrap], "topic": self.name, "batchReadTimeout": 100}
        return {"type": "kafka", "kafka": {**own, "decoder": {"type": self.decoder}}}

    @property
    def size(self) -> int:
        return len(self.messages)

    def send(self, process: Popen[bytes]) -> None:
        produce(self.broker.bootstrap, self.name, self.messages, 1)

    def recorded(self, folder: Path) -> Mapping[str, Any]:
        if self.decoder == "protobuf":
            return _file(_recording(self.messages, folder), "protobuf")
        return Lines("".join(f"{one.decode()}\n" for one in self.messages)).recorded(folder)


@dataclass(frozen=True)
class Calls:
    """Messages of an agent, in one call over gRPC."""

    messages: Sequence[bytes]
    port: int = field(default_factory=free_port)

    @property
    def ingest(self) -> Mapping[str, Any]:
        return {"type": "grpc", "grpc": {"port": self.port}}

    @property
    def size(self) -> int:
        return len(self.messages)

    def send(self, process: Popen[bytes]) -> None:
        with agent(self.port) as sender, suppress(grpc.RpcError):  # of one that died of them
            sender.send(records(self.messages))

    def recorded(self, folder: Path) -> Mapping[str, Any]:
        return _file(_recording(self.messages, folder), "protobuf")
