"""Flows from agents, through whole runs: a real gRPC client, and a state."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from pipeline.app.job import Job
from pipeline.config.loader import ConfigError, loads
from tests.real.parts import free_port
from tests.support.agents import agent, record, records, trust
from tests.support.certificates import Authority
from tests.support.commands import flowmatrix

PIPELINE = """
stages:
  - {name: agents, type: ingest_grpc, listen: "127.0.0.1:%d"%s}
  - name: counters
    type: encode_prometheus
    follows: agents
    metrics:
      - {name: flows, type: counter, labels: [SrcAddr]}
      - {name: bytes, type: counter, value: Bytes}
"""


@contextmanager
def running(
    folder: Path, port: int, more: str = "", *, state: bool = False, settings: str = ""
) -> Iterator[Job]:
    """A run of the pipeline in this process, to a stop."""
    config = loads(PIPELINE % (port, more) + settings, "pipeline.yaml", folder)
    letters = folder / "letters.jsonl"
    job = Job(config, state=folder / "state" if state else None, dead_letters=letters)
    thread = threading.Thread(target=job.run)
    thread.start()
    try:
        yield job
    finally:
        job.runtime.stop()
        thread.join()
        job.close()


def samples(job: Job, name: str) -> dict[str, float]:
    lines = job.exposer.final().splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith(name))
    return {sample: float(value) for sample, _, value in found}


@pytest.mark.parametrize("state", [False, True])
def test_what_is_answered_is_counted(tmp_path: Path, *, state: bool) -> None:
    port = free_port()
    with running(tmp_path, port, state=state) as job, agent(port) as sender:
        for number in range(1, 4):
            sender.send(records([record(number, bytes=100)] * 1000))
            assert samples(job, f'flows{{SrcAddr="0.0.0.{number}"') == {
                f'flows{{SrcAddr="0.0.0.{number}"}}': 1000.0
            }
            assert (tmp_path / "state" / "ledger.checkpoint").exists() == state
        assert samples(job, "bytes") == {"bytes": 300_000.0}


def test_a_run_goes_on_from_its_state(tmp_path: Path) -> None:
    """The same message again is another one: it is not taken for the start of the old input."""
    message = records([record(1, bytes=100)] * 5)
    port = free_port()
    for times in (1, 2, 3):
        with running(tmp_path, port, state=True) as job, agent(port) as sender:
            sender.send(message)
            assert samples(job, "flows") == {'flows{SrcAddr="0.0.0.1"}': 5.0 * times}


def test_a_metric_that_has_changed_is_counted_from_here_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    with running(tmp_path, port, state=True), agent(port) as sender:
        sender.send(records([record(1, bytes=100)]))
    monkeypatch.setitem(globals(), "PIPELINE", PIPELINE.replace("value: Bytes", "value: Packets"))
    for packets in (1, 2):
        with running(tmp_path, port, state=True) as job, agent(port) as sender:
            sender.send(records([record(1, bytes=100)]))
            assert samples(job, "flows") == {'flows{SrcAddr="0.0.0.1"}': 1.0 + packets}
            assert samples(job, "bytes") == {"bytes": float(packets)}
    text = 'metric bytes is counted from here on: 1 messages of stage "agents" before are not in it'
    assert caplog.text.count(text) == 1


def test_what_is_not_a_flow_is_rejected_alone(tmp_path: Path) -> None:
    """in = counted + filtered + rejected; the sender is told where the whole message is none."""
    port = free_port()
    with running(tmp_path, port, state=True) as job, agent(port) as sender:
        assert sender.send(records([record(1, bytes=1), b"\xff", record(2, bytes=1)])) == b""
        code, reason = sender.status(b"\x08\x01")
        assert (code, reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "this is not a message with Records",
        )
        account = job.telemetry.account(job.plan)
        assert account.read == 4
        assert account.undecoded == 2
        assert (account.counted, account.filtered, account.rejected) == (2 * account.ends, 0, 0)
        assert sum(samples(job, "flows").values()) == 2
    letters = [json.loads(line) for line in (tmp_path / "letters.jsonl").read_text().splitlines()]
    assert [letter["stage"] for letter in letters] == ["agents"] * 2
    assert letters[1]["payload"] == "\x08\x01"


def test_many_agents_at_once(tmp_path: Path) -> None:
    """Their messages go through together, and each is answered."""
    port = free_port()
    with running(tmp_path, port, state=True) as job, agent(port) as sender:
        calls = [sender.begin(records([record(n)] * 100)) for n in range(1, 201)]
        assert [call.result() for call in calls] == [b""] * 200
        assert samples(job, "flows") == {
            f'flows{{SrcAddr="0.0.0.{n}"}}': 100 for n in range(1, 201)
        }


def test_a_stop_answers_what_was_counted(tmp_path: Path) -> None:
    """Whatever a call ends with, it is OK if and only if its flows are in the state."""
    port = free_port()
    with agent(port) as sender:
        with running(tmp_path, port, state=True) as job:
            sender.send(records([record(1)]))
            calls = [sender.begin(records([record(2)])) for _ in range(100)]
            job.runtime.stop()
        told = [call.exception() is None for call in calls]
        assert samples(job, "flows").get('flows{SrcAddr="0.0.0.2"}', 0.0) == sum(told)


def test_tls_files_are_under_the_folder(tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ours")
    cert, key = (path.relative_to(tmp_path) for path in ours.issue("server"))
    authority = ours.certificate.relative_to(tmp_path)
    more = f", tls_cert: {cert}, tls_key: {key}, client_ca: {authority}"
    port = free_port()
    trusted = trust(ours.certificate, ours.issue("agent"))
    with running(tmp_path, port, more) as job, agent(port, credentials=trusted) as sender:
        sender.send(records([record(7)]))
        assert samples(job, "flows") == {'flows{SrcAddr="0.0.0.7"}': 1.0}


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    port = free_port()
    config = loads(PIPELINE % (port, ""), "pipeline.yaml", tmp_path)
    with running(tmp_path, port), agent(port) as sender:
        assert sender.health() == b"\x08\x01"
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            Job(config).run()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", tls_cert: away.pem", "tls_cert and tls_key go together"),
        (", client_ca: away.pem", "client_ca takes TLS"),
        (", buffer_length: 0", "buffer_length"),
        (", bufer_length: 1", "buffer_length"),
        (", max_message_bytes: 0", "max_message_bytes"),
    ],
)
def test_fields_that_are_not_valid(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        loads(PIPELINE % (2055, more), "pipeline.yaml", tmp_path)


def test_a_run_that_ends_with_its_input_is_refused(tmp_path: Path) -> None:
    """It would wait for ever; so do the sources of Kafka."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(PIPELINE % (free_port(), ""))
    done = flowmatrix("run", file, "--once")
    assert done.exit_code == 2
    assert 'the input of stage "agents" has no end' in " ".join(done.output.split())
