"""`run` as a user runs it: a process of its own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from simulate import Simulation, simulate

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
PIPELINE = """\
stages:
- {name: in, type: ingest_stdin, decoder: json}
- name: count
  type: encode_prometheus
  follows: in
  metrics:
  - {name: flows, labels: [SrcAddr]}
  - {name: bytes, value: Bytes}
"""


def flowmatrix(*arguments: object, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, timeout=60
    )


def samples(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if line[:1] not in ("#", ""))
    return {name: float(value) for name, _, value in lines}


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    folder = tmp_path_factory.mktemp("cluster")
    return simulate("cluster", folder / "cluster.pb", flows=400_000, seed=3)


def test_once_reads_stdin_to_its_end(pipeline: Path, tmp_path: Path) -> None:
    letters = tmp_path / "letters.jsonl"
    flows = '{"SrcAddr":"10.0.0.1","Bytes":"7"}\nnot json\n{"SrcAddr":"10.0.0.1","Bytes":-1}\n'
    done = flowmatrix(
        "run", pipeline, "--once", "--metrics-out", "-", "--dead-letters", letters, text=flows
    )
    assert done.returncode == 0, done.stderr
    found = samples(done.stdout)
    assert found['flows{SrcAddr="10.0.0.1"}'] == 2
    assert found["bytes"] == 7
    assert found['flowmatrix_ingest_flows_processed{stage="in"}'] == 3
    assert found['flowmatrix_ingest_coerced{stage="in"}'] == 1
    rows = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [(row["stage"], row["payload"][:9]) for row in rows] == [
        ("in", "not json"),
        ("count", '{"Bytes":'),
    ]
    assert rows[1]["reason"] == 'metric bytes: Bytes "-1" is negative'


def test_a_refused_configuration_exits_with_78(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(PIPELINE.replace("decoder", "decodr").replace("follows: in", "follows: inn"))
    done = flowmatrix("run", path, "--once")
    assert (done.returncode, done.stdout) == (78, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert f"{path}:2:" in lines[0]
    assert 'did you mean "decoder"?' in lines[0]
    assert f"{path}:5:" in lines[1]
    assert 'did you mean "in"?' in lines[1]


def test_a_mostly_bad_input_stops_the_run(pipeline: Path) -> None:
    pipeline.write_text(PIPELINE + "dead_letters: {max_consecutive: 5}\n")
    done = flowmatrix("run", pipeline, "--once", text="x\n" * 10)
    assert done.returncode == 1
    assert "5 messages in a row were rejected" in done.stderr


def test_it_serves_until_it_is_told_to_stop(pipeline: Path) -> None:
    command = [*COMMAND, "run", str(pipeline), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stderr
        url = process.stderr.readline().split()[1].removesuffix("/metrics")
        process.stdin.write('{"SrcAddr":"10.0.0.9"}\n')
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while 'flows{SrcAddr="10.0.0.9"} 1' not in (text := page(f"{url}/metrics")):
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
        assert json.loads(page(f"{url}/readyz")) == {"status": "ready"}
        [flows, _] = json.loads(page(f"{url}/api/v0/series"))
        assert flows["rows"][0][:2] == ["10.0.0.9", 1.0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def page(url: str) -> str:
    with urlopen(url) as answer:
        return str(answer.read().decode())


def test_a_killed_and_repeated_run_counts_every_flow_once(made: Simulation, tmp_path: Path) -> None:
    state, letters = tmp_path / "state", tmp_path / "letters"
    arguments = ["--once", "--state", str(state), "--dead-letters", str(letters)]
    often = made.config.with_name("often.yaml")
    often.write_text(made.config.read_text() + "checkpoint: {interval: 100ms}\n")
    for _ in range(20):
        shutil.rmtree(state, ignore_errors=True)
        with subprocess.Popen([*COMMAND, "run", str(often), *arguments]) as process:
            deadline = time.monotonic() + 60
            while not (state / "ledger.checkpoint").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.kill()
        if process.returncode == -signal.SIGKILL:
            break
    else:
        pytest.fail("no run was killed before its end")
    out = tmp_path / "metrics"
    for _ in range(2):
        done = flowmatrix("run", often, *arguments, "--metrics-out", out)
        assert done.returncode == 0, done.stderr
        found = samples(out.read_text())
        counted = sum(v for k, v in found.items() if k.startswith("netobserv_workload_syn_in{"))
        truth = json.loads(made.truth.read_text())["metrics"]["netobserv_workload_syn_in"]["series"]
        assert counted == sum(row[-1] for row in truth)


def test_a_missing_recording_is_named(tmp_path: Path, pipeline: Path) -> None:
    done = flowmatrix("run", pipeline, "--once", "--input", tmp_path / "nowhere.jsonl")
    assert done.returncode != 0
    assert "nowhere.jsonl" in done.stderr
    assert "Traceback" not in done.stderr
