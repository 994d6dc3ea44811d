"""A real Kafka broker: one node in KRaft mode on free local ports, its data in a folder."""

from __future__ import annotations

import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.real import kept
from tests.real.broker import Broker
from tests.real.listeners import Security
from tests.real.parts import LOCALHOST, Missing, Server, cache, free_port, locked, tool

_POM = Path(__file__).parent / "kafka-broker" / "pom.xml"
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 0, -1)
"""The request any client sends first: size, API key, version, correlation, no client name."""
_USUAL_PORT = 9092
_CLUSTER = "flowmatrix-test-cluster"
_JAVA = "-Dorg.slf4j.simpleLogger.showDateTime=true"
_SOON = ("-Xmx512m", "-XX:TieredStopAtLevel=1")
"""Ready early, for tests; a broker that runs for longer is better off without."""


def version() -> str:
    """The version of Kafka, as the pom says."""
    found = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>(.+)<", _POM.read_text())
    assert found
    return found[1]


def jars() -> Path:
    """The folder of the broker's jars, fetched by Maven the first time."""
    tool("java", "Kafka runs on Java 17 or later")
    folder = cache(f"kafka-{version()}")
    with locked(folder):
        if not (folder / "libs").exists():
            _fetch(folder)
    return folder / "libs"


def _fetch(folder: Path) -> None:
    maven = tool("mvn", "Maven fetches Kafka")
    partial = folder / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    command = [maven, "-B", "-q", "-f", str(_POM), *goal, f"-DoutputDirectory={partial}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"Maven could not fetch Kafka: {done.stdout[-2000:]}")
    partial.rename(folder / "libs")


class Kafka(Broker):
    """A broker. `settings` are lines of server.properties; `security` opens a second listener.

    Without a `port` it takes one that is free. `behind`: the port of a proxy that clients of the
    second listener are sent to. `java`: options of its virtual machine.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        security: Security | None = None,
        port: int = 0,
        behind: int = 0,
        java: Sequence[str] = _SOON,
    ) -> None:
        self.folder = folder
        self._properties = folder / "server.properties"
        ports = [port or free_port(), free_port(), free_port()]
        self._port = ports[0]
        super().__init__(f"{LOCALHOST}:{self._port}")
        self.secure = f"{LOCALHOST}:{ports[2]}" if security else ""
        lines = _settings(folder / "data", ports, security, behind) | dict(settings or {})
        self._properties.write_text("".join(f"{k}={v}\n" for k, v in lines.items()))
        self._java = [tool("java", "Kafka runs on it"), *java, _JAVA, "-cp", f"{jars()}/*"]
        self._server = Server(
            [*self._java, "kafka.Kafka", str(self._properties)], folder / "kafka.log"
        )

    def start(self) -> None:
        """Start and wait until it answers; the first time, its data folder is formatted."""
        if not (self.folder / "data").exists():
            self._format()
        self._server.start(self._ready)

    def stop(self) -> None:
        """Stop in order; the data stay, and `start` goes on with them."""
        self._server.stop()

    def kill(self) -> None:
        """Stop at once (SIGKILL); the data stay."""
        self._server.kill()

    def restart(self) -> None:
        """Stop and start on the same ports with the same data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Let it hang: connections stay open, nothing is answered."""
        self._server.freeze()

    def thaw(self) -> None:
        """Let a frozen broker go on."""
        self._server.thaw()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _format(self) -> None:
        tool_class = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER]
        command = [*self._java, *tool_class, "-c", str(self._properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the data folder was not formatted:\n{done.stdout}{done.stderr}")

    def _ready(self) -> bool:
        """It accepts connections early, and answers when it is ready to serve."""
        with socket.create_connection((LOCALHOST, self._port), timeout=5) as connection:
            connection.sendall(_API_VERSIONS)
            return bool(connection.recv(1))


def _settings(
    data: Path, ports: list[int], security: Security | None, behind: int
) -> dict[str, str]:
    plain, controller, client = (f"{LOCALHOST}:{port}" for port in ports)
    listeners = {"PLAIN": plain} | ({"CLIENT": client} if security else {})
    shown = ",".join(f"{name}://{address}" for name, address in listeners.items())
    to_proxy = f"PLAIN://{plain},CLIENT://{LOCALHOST}:{behind}"
    protocols = {"PLAIN": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
    if security:
        protocols["CLIENT"] = security.protocol
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAIN",
        "listeners": f"{shown},CONTROLLER://{controller}",
        "advertised.listeners": to_proxy if behind else shown,
        "listener.security.protocol.map": ",".join(f"{k}:{v}" for k, v in protocols.items()),
        "log.dirs": str(data),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "250",
        "auto.create.topics.enable": "false",
        **(security.settings if security else {}),
    }


if __name__ == "__main__":
    # `make kafka` keeps a broker running for those who follow docs/kafka.md.
    chosen = kept.port("kafka", _USUAL_PORT)
    with kept.folder("kafka") as place, Kafka(place, port=chosen) as broker:
        kept.until_interrupted(f"Kafka {version()} listens on {broker.bootstrap} until Ctrl-C")
