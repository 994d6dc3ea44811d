"""What ends a worker for good, and what it leaves where it was started."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.kafka.support.counting import FLOW, counting, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import COMMAND, running, wait
from tests.real.broker import Broker

PIPELINE = """\
stages:
- name: flows
  type: ingest_kafka
  brokers: ["{brokers}"]
  topics: [{topic}]
  decoder: json
  linger: 0.1
- {{name: out, type: write_stdout, follows: flows}}
"""


def test_nothing_is_left_in_the_working_directory(kafka_broker: Broker, tmp_path: Path) -> None:
    kafka_broker.create_topic("tidy", 1)
    produce(kafka_broker.bootstrap, "tidy", [FLOW], 1)
    worker = counting(tmp_path / "w", kafka_broker.bootstrap, ["tidy"])
    with running(worker):
        wait(lambda: seen(worker) == 1)
        assert worker.exit() == 0
    assert {path.name for path in (tmp_path / "w").iterdir()} == {"kafka.yaml", "worker.log"}


def test_a_working_directory_that_is_not_writable(kafka_broker: Broker, tmp_path: Path) -> None:
    """It is no hindrance; as root, a folder that is gone stands for it."""
    kafka_broker.create_topic("elsewhere", 1)
    produce(kafka_broker.bootstrap, "elsewhere", [FLOW] * 3, 1)
    (tmp_path / "p.yaml").write_text(
        PIPELINE.format(brokers=kafka_broker.bootstrap, topic="elsewhere")
    )
    gone = tmp_path / "gone"
    gone.mkdir(0o555)
    script = f'rmdir "{gone}"; exec {COMMAND} run {tmp_path}/p.yaml --listen 127.0.0.1:0'
    with subprocess.Popen(
        ["/bin/sh", "-c", script], cwd=gone, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.terminate()
        _, told = process.communicate(timeout=60)
    assert all(b'"Bytes":5' in line for line in lines)
    assert b"Permission" not in told
    assert process.returncode == 0


def test_a_reader_that_has_enough_ends_it(kafka_broker: Broker, tmp_path: Path) -> None:
    """`run | head` ends as other commands do; no connection is said to be lost."""
    kafka_broker.create_topic("headed", 1)
    produce(kafka_broker.bootstrap, "headed", [FLOW] * 100_000, 1)
    (tmp_path / "p.yaml").write_text(
        PIPELINE.format(brokers=kafka_broker.bootstrap, topic="headed")
    )
    script = (
        f"{COMMAND} run p.yaml --listen 127.0.0.1:0 2>told | head -1; echo ${{PIPESTATUS[0]}} >code"
    )
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=tmp_path, capture_output=True, check=False, timeout=60
    )
    assert b'"Bytes":5' in done.stdout
    assert (tmp_path / "code").read_text() == "141\n"
    told = (tmp_path / "told").read_text()
    assert "lost" not in told
    assert "Traceback" not in told


def test_a_full_disk_behind_standard_output_ends_it(kafka_broker: Broker, tmp_path: Path) -> None:
    kafka_broker.create_topic("full", 1)
    produce(kafka_broker.bootstrap, "full", [FLOW] * 10, 1)
    (tmp_path / "p.yaml").write_text(PIPELINE.format(brokers=kafka_broker.bootstrap, topic="full"))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [COMMAND, "run", "p.yaml", "--listen", "127.0.0.1:0"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert "error: standard output: No space left on device" in done.stderr
    assert "lost" not in done.stderr
