"""The senders of a process."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from pipeline import config
from pipeline.app.job import Job
from pipeline.push.destination import UnavailableError
from pipeline.runtime.failure import OutputError
from pipeline.runtime.outputs import Outputs
from pipeline.stage import Sink, Writer
from tests.push.support import Measured, Server, To, numbered, to
from tests.real.parts import free_port
from tests.real.push_receiver import PushReceiver


class Pushed(Writer, frozen=True, kw_only=True, tag="pushed"):
    """A writer to a server."""

    sink: ClassVar[Sink] = Sink.SERVER
    server: ClassVar[Server]

    def destination(self, folder: Path) -> To:
        return to(self.server, flush=0.2, min_backoff=30, max_backoff=30)


class Lost(Writer, frozen=True, kw_only=True, tag="lost"):
    """A writer to a server that it does not name."""

    sink: ClassVar[Sink] = Sink.SERVER


def test_a_stage_keeps_its_sender() -> None:
    """Another membership of the group goes on with the same queue; the end sends what waits."""
    Pushed.server, measured = Server(), Measured()
    outputs, writer = Outputs(measured), Pushed(name="out", follows="in")
    first = outputs.sender(writer, Path())
    first.put(numbered(0, 3))
    assert outputs.sender(writer, Path()) is first
    outputs.close()
    assert Pushed.server.batches == [[0, 1, 2]]
    assert outputs.problems() == []


def test_problems_name_the_stage() -> None:
    def away(_: int) -> None:
        raise UnavailableError("connection refused")

    Pushed.server, measured = Server(away), Measured()
    outputs = Outputs(measured)
    outputs.sender(Pushed(name="out", follows="in"), Path()).put(numbered(0, 3))
    outputs.close()
    (problem,) = outputs.problems()
    assert problem.startswith('stage "out": a server: ')
    assert measured.flows() == (0, 3, 0)


def test_a_writer_without_a_server() -> None:
    with pytest.raises(OutputError, match='stage "lost" does not say which server it writes to'):
        Outputs(Measured()).sender(Lost(name="lost", follows="in"), Path())


PIPELINE = """\
pipeline: [{{name: count, follows: in}}, {{name: loki, follows: in}}]
parameters:
- {{name: in, ingest: {{type: file, file: {{filename: flows.json, decoder: {{type: json}}}}}}}}
- {{name: count, encode: {{type: prom, prom: {{metrics: [{{name: flows, type: counter}}]}}}}}}
- name: loki
  write: {{type: loki, loki: {{url: "http://127.0.0.1:{port}", labels: [ns], minBackoff: 10ms,
    maxBackoff: 20ms, maxRetries: 2, batchWait: 10ms}}}}
"""


def job(folder: Path, port: int) -> Job:
    """A run over 5000 flows of two namespaces."""
    flows = [f'{{"ns":"{n % 2}","n":{n},"TimeReceived":{n + 1}}}\n' for n in range(5000)]
    (folder / "flows.json").write_text("".join(flows))
    (folder / "flp.yaml").write_text(PIPELINE.format(port=port))
    return Job(config.load(folder / "flp.yaml", environ={}))


def shown(run: Job, *names: str) -> list[float]:
    page = dict(line.rsplit(" ", 1) for line in run.exposer.final().splitlines())
    return [float(page[name]) for name in names]


def test_a_run_pushes_every_flow(tmp_path: Path, push_receiver: PushReceiver) -> None:
    """Also what waits at its end; a server that is busy at first gets all of it."""
    push_receiver.answer(503, 429)
    run = job(tmp_path, push_receiver.port)
    run.run()
    run.close()
    streams = [one for got in push_receiver.received() if got.status == 204 for one in got.body]
    got: dict[str, list[int]] = {'{ns="0"}': [], '{ns="1"}': []}
    for one in streams:
        got[one["labels"]] += [entry["ns"] // 10**9 - 1 for entry in one["entries"]]
    assert got == {'{ns="0"}': [*range(0, 5000, 2)], '{ns="1"}': [*range(1, 5000, 2)]}
    lost, written, retries, flows = shown(
        run,
        'records_lost{stage="loki"}',
        'records_written{stage="loki"}',
        'write_retries{stage="loki"}',
        "flows",
    )
    assert (lost, written, retries, flows) == (0, 5000, 2, 5000)
    assert "outputs" not in run.notes()


def test_a_server_that_is_away_does_not_stop_counting(tmp_path: Path) -> None:
    """All flows are counted, and said to be lost: in the self-metrics and by /readyz."""
    run = job(tmp_path, free_port())
    run.run()
    run.close()
    lost, written, waiting, flows = shown(
        run,
        'records_lost{stage="loki"}',
        'records_written{stage="loki"}',
        'write_queue_flows{stage="loki"}',
        "flows",
    )
    assert (lost, written, waiting, flows) == (5000, 0, 0, 5000)
    assert "Connection refused" in str(run.notes()["outputs"])
