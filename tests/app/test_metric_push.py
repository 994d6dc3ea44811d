"""Series on their way to a receiver that has the types of OpenTelemetry's collector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import config
from pipeline.app.job import Job
from tests.real.parts import free_port
from tests.real.push_receiver import PushReceiver, Received

PIPELINE = """\
pipeline: [{{name: prom, follows: in}}, {{name: otlp, follows: in}}]
parameters:
- {{name: in, ingest: {{type: file, file: {{filename: flows.json, decoder: {{type: json}}}}}}}}
- {{name: prom, encode: {{type: prom, prom: {{metrics: [{{name: flows, type: counter}}]}}}}}}
- name: otlp
  encode:
    type: otlpmetrics
    otlpmetrics:
      address: 127.0.0.1
      port: {port}
      connectionType: {protocol}
      headers: {{X-Team: a}}
      pushTimeInterval: {interval}
      metrics:
      - {{name: flows, type: counter, labels: [ns]}}
      - {{name: size, type: histogram, valueKey: n, buckets: [2]}}
      - {{name: last, type: gauge, valueKey: n, filters: [{{key: ns, value: a}}]}}
"""


def job(folder: Path, port: int, protocol: str = "grpc", interval: str = "1h") -> Job:
    flows = [f'{{"ns":"{"ab"[n % 2]}","n":{n},"TimeReceived":{n + 1}}}\n' for n in range(5)]
    (folder / "flows.json").write_text("".join(flows))
    text = PIPELINE.format(port=port, protocol=protocol, interval=interval)
    (folder / "flp.yaml").write_text(text)
    return Job(config.load(folder / "flp.yaml", environ={}))


def points(got: Received) -> dict[str, list[dict[str, Any]]]:
    (resource,) = got.body["resourceMetrics"]
    keys = {one["key"] for one in resource["resource"]["attributes"]}
    assert keys == {"service.name", "service.version", "service.instance.id"}
    (scope,) = resource["scopeMetrics"]
    assert scope["scope"]["name"] == "flp_meter"
    kinds = ("sum", "gauge", "histogram")
    return {
        one["name"]: next(one[kind]["dataPoints"] for kind in kinds if kind in one)
        for one in scope["metrics"]
    }


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_end_pushes_all_series(
    tmp_path: Path, push_receiver: PushReceiver, protocol: str
) -> None:
    """Beside metrics of the same names that are scraped, where they are not."""
    push_receiver.answer()
    port = push_receiver.grpc_port if protocol == "grpc" else push_receiver.port
    run = job(tmp_path, port, protocol)
    run.run()
    run.close()
    (got,) = push_receiver.received(1)
    assert (got.path, got.headers["x-team"]) == ("/v1/metrics", "a")
    found = points(got)
    by_label = {
        one["attributes"][0]["value"]["stringValue"]: one["asDouble"] for one in found["flows"]
    }
    assert by_label == {"a": 3, "b": 2}
    (size,) = found["size"]
    assert (int(size["count"]), size["sum"]) == (5, 10)
    assert (list(map(int, size["bucketCounts"])), size["explicitBounds"]) == ([3, 2], [2])
    assert [one["asDouble"] for one in found["last"]] == [4]
    page = run.exposer.final()
    assert "\nflows 5\n" in page
    assert "\nsize" not in page
    assert "\notlp:" not in page


def test_pushes_go_on_while_it_runs(tmp_path: Path, push_receiver: PushReceiver) -> None:
    """As often as the stage says; one that did not arrive is told, and made good by the next."""
    push_receiver.answer(503)
    run = job(tmp_path, push_receiver.grpc_port, interval="10ms")
    run.run()
    statuses = [one.status for one in push_receiver.received(2)]
    run.close()
    assert statuses[:2] == [503, 204]
    assert "outputs" not in run.notes()


def test_a_receiver_that_is_away_stops_nothing(tmp_path: Path) -> None:
    run = job(tmp_path, free_port())
    run.run()
    run.close()
    assert 'stage "otlp": 127.0.0.1' in str(run.notes()["outputs"])
    assert "\nflows 5\n" in run.exposer.final()
