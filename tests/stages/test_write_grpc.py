"""Flows to a collector over gRPC, through whole runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.app.job import Job
from pipeline.config.loader import ConfigError, loads
from pipeline.push.destination import Terms
from pipeline.push.genericmap import GenericMap
from pipeline.testing import assert_laws
from stages.write_grpc import WriteGrpc
from tests.real.parts import free_port
from tests.support.generic_maps import collector

PIPELINE = """
stages:
  - {name: in, type: ingest_file, path: flows.jsonl, decoder: json}
  - {name: out, type: write_grpc, follows: in, target: "127.0.0.1:%d"%s}
"""
DIALECT = """
pipeline: [{name: in}, {name: out, follows: in}]
parameters:
  - {name: in, ingest: {type: file, file: {filename: flows.jsonl, decoder: {type: json}}}}
  - {name: out, write: {type: grpc, grpc: {targetHost: 127.0.0.1, targetPort: %d}}}
"""
FLOWS = [{"Bytes": n, "SrcAddr": f"10.0.0.{n % 250}", "TimeReceived": 1} for n in range(3000)]


def run(text: str, folder: Path) -> dict[str, float]:
    """A whole run over the flows; the self-metrics of the stage at its end."""
    (folder / "flows.jsonl").write_text("".join(json.dumps(flow) + "\n" for flow in FLOWS))
    job = Job(loads(text, "pipeline.yaml", folder))
    job.run()
    job.close()
    found = job.telemetry.snapshot()
    names = ("records_written", "records_lost", "write_queue_flows")
    return {name: found[name]["out"] for name in names}


@pytest.mark.parametrize("text", [PIPELINE, DIALECT])
def test_every_flow_arrives_as_json(tmp_path: Path, text: str) -> None:
    with collector() as received:
        given = (received.port, "") if "%s" in text else received.port
        measured = run(text % given, tmp_path)
        assert measured == {"records_written": 3000, "records_lost": 0, "write_queue_flows": 0}
        flows: list[dict[str, Any]] = [json.loads(flow) for flow in received.flows]
        assert sorted(flows, key=lambda flow: int(flow["Bytes"])) == FLOWS
        assert received.flows[0] == json.dumps(json.loads(received.flows[0]), separators=(",", ":"))


def test_without_a_server_flows_are_lost_and_the_run_ends(tmp_path: Path) -> None:
    more = ", queue: {flush_timeout: 100ms}"
    measured = run(PIPELINE % (free_port(), more), tmp_path)
    assert measured == {"records_written": 0, "records_lost": 3000, "write_queue_flows": 0}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", tls_cert: away", "tls_cert and tls_key go together"),
        (", tls_ca: away", 'no file "away"'),
        (", tagret: x", "target"),
        (", timeout: 5", None),
    ],
)
def test_fields_are_checked(tmp_path: Path, more: str, message: str | None) -> None:
    (tmp_path / "flows.jsonl").touch()
    if message is None:
        assert loads(PIPELINE % (9, more), "pipeline.yaml", tmp_path).warnings == []
        return
    with pytest.raises(ConfigError, match=message):
        loads(PIPELINE % (9, more), "pipeline.yaml", tmp_path)


@pytest.mark.parametrize("target", ["collector", "collector:0", ":9", "::1:9"])
def test_a_target_is_host_and_port(tmp_path: Path, target: str) -> None:
    spec = msgspec.convert(
        {"type": "write_grpc", "name": "out", "follows": "in", "target": target}, WriteGrpc
    )
    [problem] = spec.check(tmp_path)
    assert problem.path == ("target",)


def test_the_destination_has_what_was_written() -> None:
    given = {"type": "write_grpc", "name": "out", "follows": "in", "target": "c:9"}
    more = {"tls_ca": "ca", "tls_cert": "c", "tls_key": "k", "timeout": "3s"}
    limits = {"queue": {"max_flows": 5, "when_full": "block"}, "batch": {"max_flows": 2}}
    spec = msgspec.convert(given | more | limits, WriteGrpc)
    assert spec.destination(Path("/etc")) == GenericMap(
        address="c:9",
        terms=Terms(max_flows=5, blocks=True, batch_flows=2),
        weighed="flow",
        ca="ca",
        cert="c",
        key="k",
        folder="/etc",
        timeout=3.0,
    )


def test_both_laws() -> None:
    spec = WriteGrpc(name="out", follows="in", target="c:9")
    assert_laws(spec, [{"Bytes": 1}, {}, {"SrcAddr": "a"}], 1)
