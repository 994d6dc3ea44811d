"""`flp` and its other name, as processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.real.parts import LOCALHOST, free_port

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("flowlogs-pipeline"))
PIPELINE = [{"name": "in"}, {"name": "sums", "follows": "in"}, {"name": "out", "follows": "in"}]
PARAMETERS = [
    {"name": "in", "ingest": {"type": "stdin"}},
    {"name": "out", "write": {"type": "stdout", "stdout": {"format": "json"}}},
    {
        "name": "sums",
        "encode": {
            "type": "prom",
            "prom": {
                "metrics": [
                    {
                        "name": "bytes",
                        "type": "counter",
                        "valueKey": "Bytes",
                        "labels": ["SrcAddr"],
                        "remap": {"SrcAddr": "from"},
                    }
                ]
            },
        },
    },
]
FLOWS = '{"Bytes":7,"SrcAddr":"10.0.0.1","TimeReceived":1}\n'


def page(url: str) -> str:
    with urlopen(url) as answer:
        return str(answer.read().decode())


@contextmanager
def running(*arguments: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command with its metrics at a free port, once it serves them."""
    port = free_port()
    settings = {"address": LOCALHOST, "port": port, "prefix": "op_"}
    command = [COMMAND, *arguments, "--metricsSettings", json.dumps(settings)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=folder
    ) as process:
        assert process.stderr
        try:
            assert f"serving http://{LOCALHOST}:{port}/metrics" in process.stderr.readline()
            yield process, port
        finally:
            process.kill()


def test_texts_alone_serve_until_the_input_ends(tmp_path: Path) -> None:
    """Records are all that stands in standard output, metrics and probes are served meanwhile."""
    health = free_port()
    texts = ["--pipeline", json.dumps(PIPELINE), f"--parameters={json.dumps(PARAMETERS)}"]
    with running(*texts, "--healthAddr", f"{LOCALHOST}:{health}", folder=tmp_path) as started:
        process, port = started
        assert process.stdin
        process.stdin.write(FLOWS)
        process.stdin.flush()
        deadline = time.monotonic() + 60
        metrics = f"http://{LOCALHOST}:{port}/metrics"
        while 'bytes{from="10.0.0.1"} 7' not in (text := page(metrics)):
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
        assert 'op_ingest_flows_processed{stage="in"} 1' in text
        assert json.loads(page(f"http://{LOCALHOST}:{health}/live")) == {"status": "alive"}
        assert json.loads(page(f"http://{LOCALHOST}:{health}/ready")) == {"status": "ready"}
        out, _ = process.communicate(FLOWS, timeout=60)
        assert (process.returncode, out) == (0, FLOWS * 2)


def test_names_of_files_are_under_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").write_text(FLOWS)
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "flp.json"
    source = {"type": "file", "file": {"filename": "flows.jsonl", "decoder": {"type": "json"}}}
    parameters = [{"name": "in", "ingest": source}, *PARAMETERS[1:]]
    file.write_text(json.dumps({"pipeline": PIPELINE, "parameters": json.dumps(parameters)}))
    with running("--config", "etc/flp.json", folder=tmp_path) as (process, _):
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, FLOWS), err
    assert "1 read, 0 rejected" in err


def test_what_is_refused_is_told_with_its_place(tmp_path: Path) -> None:
    command = [COMMAND, "--pipeline", '[{"nme": "in"}]', "--parameters", "[]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert '--pipeline:1:3: error: field pipeline[0].nme: unknown field; did you mean "name"?' in (
        done.stderr.splitlines()
    )
