"""Brokers that want certificates and passwords."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import admin as kafka_admin
from confluent_kafka.admin import AdminClient

from pipeline.files import write
from tests.kafka.support.counting import FLOW, NewKafka, counting, positions, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import COMMAND, running, wait
from tests.real.kafka import Kafka
from tests.real.listeners import Security, sasl_plain, self_signed, tls


def test_tls_with_a_client_certificate(new_kafka: NewKafka, tmp_path: Path) -> None:
    """From a folder in the layout of Strimzi."""
    pem = self_signed(tmp_path)
    (tmp_path / "secret").mkdir()
    for name, source in {"ca.crt": "crt", "user.crt": "crt", "user.key": "key"}.items():
        (tmp_path / "secret" / name).write_text(pem.with_suffix(f".{source}").read_text())
    broker = new_kafka(tls(pem, ask=True))
    broker.create_topic("t")
    produce(broker.bootstrap, "t", [FLOW] * 5, 1)
    folder = str(tmp_path / "secret")
    shown = {"ca": folder, "cert": folder, "key": folder}
    worker = counting(tmp_path / "w", broker.secure, ["t"], tls=shown)
    with running(worker):
        wait(lambda: seen(worker) == 5)


def enrol(broker: Kafka, name: str, password: bytes, mechanism: str) -> None:
    made: Any = kafka_admin  # its stubs leave these classes out
    kind = made.ScramMechanism[mechanism.upper().replace("-", "_")]
    info = made.ScramCredentialInfo(kind, 4096)
    user = made.UserScramCredentialUpsertion(name, info, password)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.alter_user_scram_credentials([user])[name].result()


@pytest.mark.parametrize("mechanism", ["scram-sha-256", "scram-sha-512"])
def test_scram_over_tls(new_kafka: NewKafka, tmp_path: Path, mechanism: str) -> None:
    """Worker, simulator and dead letters log in, and no secret is shown."""
    pem = self_signed(tmp_path)
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    broker = new_kafka(
        Security(
            "SASL_SSL",
            {
                **tls(pem).settings,
                "sasl.enabled.mechanisms": mechanism.upper(),
                f"listener.name.client.{mechanism}.sasl.jaas.config": f"{module} required;",
            },
        )
    )
    broker.create_topic("t")
    produce(broker.bootstrap, "t", [b"poison"], 1)
    enrol(broker, "ann", b"s3cret-word", mechanism)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "password").write_text("s3cret-word\n")
    sasl = {"mechanism": mechanism, "username": "ann", "password_file": str(tmp_path / "secret")}
    security: dict[str, Any] = {"tls": {"ca": str(pem.with_suffix(".crt"))}, "sasl": sasl}
    more: dict[str, Any] = {
        "decoder": "protobuf",
        "dead_letters": {"topic": "dead"},
        "log_level": "debug",
    }
    worker = counting(tmp_path / "w", broker.secure, ["t"], **security, **more)
    with running(worker):
        wait(lambda: positions(worker) == [1])
        told = commands(broker, tmp_path, security)
        wait(lambda: seen(worker) == 10)
    assert "10 flows in topic" in told
    assert '"payload":"poison"' in told
    assert "s3cret" not in told + worker.log.read_text()


def commands(broker: Kafka, folder: Path, security: dict[str, Any]) -> str:
    """What the other commands say that log in: ten flows more, and the dead letters so far."""
    (folder / "security.yaml").write_text(yaml.safe_dump(security))
    login = ["--security", str(folder / "security.yaml")]
    simulate = ["simulate", "cluster", "--flows", "10", "--kafka", broker.secure, "--topic", "t"]
    letters = ["dead-letters", "--bootstrap", broker.secure, "--topic", "dead"]
    return "".join(
        subprocess.run(
            [COMMAND, *command, *login], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        for command in (simulate, letters)
    )


def test_a_wrong_password(new_kafka: NewKafka, tmp_path: Path) -> None:
    """The worker says so, and reads the file again."""
    broker = new_kafka(sasl_plain(ann="secret"))
    broker.create_topic("t")
    (tmp_path / "password").write_text("wrong-word")
    sasl = {"username": "ann", "password_file": str(tmp_path / "password")}
    worker = counting(tmp_path / "w", broker.secure, ["t"], sasl=sasl, log_level="debug")
    with running(worker, ready=False):
        wait(lambda: "refuses the login" in str(worker.get("/readyz")[1].get("reason")))
        write(tmp_path / "password", "secret")
        produce(broker.bootstrap, "t", [FLOW] * 5, 1)
        wait(lambda: seen(worker) == 5)
    assert "wrong-word" not in worker.log.read_text()
