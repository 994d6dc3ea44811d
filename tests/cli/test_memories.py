"""Whole runs of a stage that remembers: with a state, and while nothing comes."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.connections import flows_of_round

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("flowmatrix"))
FLOWS = [{"SrcAddr": f"10.0.0.{n % 3}", "DstAddr": "10.0.1.1", "Proto": 6} for n in range(30)]


def configured(folder: Path, source: dict[str, Any], **fields: Any) -> Path:
    """A pipeline that counts the records of connections, and writes them."""
    track = {
        "name": "track",
        "type": "conntrack",
        "follows": "flows",
        "groups": {"ends": ["SrcAddr", "DstAddr"]},
        "keys": {"groups": ["ends"]},
        "records": ["newConnection", "endConnection"],
        "outputs": [{"name": "n", "operation": "count"}],
    }
    metrics = [{"name": "records", "type": "counter", "labels": ["_RecordType"]}]
    seen = {"name": "seen", "type": "encode_prometheus", "follows": "track", "metrics": metrics}
    shown = {"name": "shown", "type": "write_stdout", "follows": "track"}
    path = folder / "pipeline.yaml"
    stages = [{"name": "flows", **source}, {**track, **fields}, seen, shown]
    path.write_text(yaml.safe_dump({"stages": stages}))
    return path


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_connections_go_on_in_the_next_run(tmp_path: Path) -> None:
    """A file that has grown: what was open is neither new again nor forgotten."""
    source = {"type": "ingest_file", "path": "flows.jsonl", "decoder": "json", "batch_size": 7}
    config = configured(tmp_path, source, scheduling=[{"end": "1h"}])
    lines = [json.dumps(flow) + "\n" for flow in FLOWS]
    found = []
    for count in (10, 20, 30):
        (tmp_path / "flows.jsonl").write_text("".join(lines[:count]))
        command = [COMMAND, "run", config.name, "--once", "--state", "state"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        found += records(done.stdout)
    assert [(one["SrcAddr"], one["n"]) for one in found] == [(f"10.0.0.{n}", 1) for n in range(3)]
    series = subprocess.run(
        [*command, "--metrics-out", "-"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert 'records{_RecordType="newConnection"} 3\n' in series.stdout
    assert 'conntrack_memory_connections{group="0: DEFAULT",phase="active"} 3\n' in series.stdout


def test_connections_end_while_standard_input_is_quiet(tmp_path: Path) -> None:
    """The input stays open, and nothing comes."""
    fields = {"scheduling": [{"end": 0.2, "heartbeat": "1h"}], "idle": 0.5}
    config = configured(tmp_path, {"type": "ingest_stdin", "linger": 0.1}, **fields)
    process = subprocess.Popen(
        [COMMAND, "run", config.name, "--once"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(b"".join(json.dumps(flow).encode() + b"\n" for flow in FLOWS))
        process.stdin.flush()
        shown, deadline = b"", time.monotonic() + 60
        while shown.count(b"\n") < 6:
            assert time.monotonic() < deadline
            if select.select([process.stdout], [], [], 1.0)[0]:
                shown += os.read(process.stdout.fileno(), 65536)
        ended = records(shown.decode())[3:]
        assert {(one["_RecordType"], one["n"]) for one in ended} == {("endConnection", 10)}
    finally:
        process.stdin.close()
        assert process.wait(60) == 0
        process.stdout.close()


_CONNECTIONS, _ROUNDS = 500, 16


def _rounds() -> list[str]:
    """Rounds of flows of each connection.

    One more connection stays open: its flow is the batch in which the ends before it are told.
    """
    lines = [
        flow.decode()
        for number in range(_ROUNDS)
        for flow in flows_of_round(_CONNECTIONS, number, last=number == _ROUNDS - 1)
    ]
    return [*lines, json.dumps({"SrcAddr": "10.0.0.3", "Proto": 17})]


def _tracked(folder: Path) -> Path:
    """A pipeline that counts connections, and the flows of those that have ended."""
    seen = [{"name": "records", "type": "counter", "labels": ["_RecordType"]}]
    ended = [{"name": "flows_of_ended", "type": "counter", "value": "n"}]
    (folder / "flows.jsonl").write_text("\n".join(_rounds()) + "\n")
    track = {
        "groups": {"a": ["SrcAddr", "SrcPort"], "b": ["DstAddr", "DstPort"], "p": ["Proto"]},
        "keys": {"groups": ["p"], "a": "a", "b": "b"},
        "scheduling": [{"end": "1h", "terminate": 0}],
        "tcp_flags": {"field": "Flags", "detect_end": True},
    }
    source = {"type": "ingest_file", "path": "flows.jsonl", "decoder": "json", "batch_size": 20}
    config = configured(folder, source, **track)
    document = yaml.safe_load(config.read_text())
    ends = {"match": [{"field": "_RecordType", "value": "endConnection"}]}
    document["stages"][2:] = [
        {"name": "seen", "type": "encode_prometheus", "follows": "track", "metrics": seen},
        {"name": "ends", "type": "filter", "follows": "track", **ends},
        {"name": "ended", "type": "encode_prometheus", "follows": "ends", "metrics": ended},
    ]
    config.write_text(yaml.safe_dump(document | {"checkpoint": {"interval": 0.05}}))
    return config


def _saved(state: Path) -> int:
    """When a checkpoint was saved last."""
    return max((one.stat().st_mtime_ns for one in state.glob("*") if one.is_file()), default=0)


def _is_killed(command: list[str], folder: Path) -> bool:
    """Kill a run after its next checkpoint; False where it was at its end already."""
    state, deadline = folder / "state", time.monotonic() + 60
    before = _saved(state)
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while _saved(state) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.kill()
    return process.returncode == -signal.SIGKILL


def test_runs_with_open_connections_are_killed(tmp_path: Path) -> None:
    """None is lost, none begins or ends twice, and each has all its flows in the end."""
    config = _tracked(tmp_path)
    command = [COMMAND, "run", config.name, "--once", "--state", "state", "--metrics-out", "-"]
    for _ in range(20):
        if _is_killed(command, tmp_path) and _is_killed(command, tmp_path):
            break
        shutil.rmtree(tmp_path / "state")
    else:
        pytest.fail("no run was killed before its end")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    page = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert page['records{_RecordType="newConnection"}'] == str(_CONNECTIONS + 1)
    assert page['records{_RecordType="endConnection"}'] == str(_CONNECTIONS)
    assert page["flows_of_ended"] == str(_CONNECTIONS * _ROUNDS)
