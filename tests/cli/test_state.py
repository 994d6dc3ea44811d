"""`--state`: one run at a time, and only what is whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import config
from pipeline.app.job import Job
from stages import ingest_file

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
PIPELINE = """\
stages:
- {name: in, type: ingest_stdin, decoder: json, linger: 0.1}
- name: expose
  type: encode_prometheus
  follows: in
  metrics: [{name: bytes_total, value: Bytes, labels: [Proto]}]
checkpoint: {interval: 100ms}
"""


def once(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "run", "pipeline.yaml", "--once", "--state", "state", "--metrics-out", "-"]
    return subprocess.run(
        command, cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=120
    )


def total(exposition: str) -> float:
    found = re.search(r'^bytes_total\{Proto="6"\} (\S+)$', exposition, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_second_run_on_one_state_is_refused(tmp_path: Path) -> None:
    """The first goes on undisturbed; once it has ended, or was killed, another takes over."""
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    state = tmp_path / "state" / "ledger.checkpoint"
    command = [*COMMAND, "run", "pipeline.yaml", "--once", "--state", "state", "--metrics-out", "-"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdin
        first.stdin.write('{"Proto":6,"Bytes":400}\n')
        first.stdin.flush()
        deadline = time.monotonic() + 60
        while not state.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        second = once(tmp_path, '{"Proto":6,"Bytes":1000}\n')
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr == (
            f"error: the state in state is in use by process {first.pid}: end that run, or give "
            "another folder\n"
        )
        out, _ = first.communicate(timeout=60)
        assert (first.returncode, total(out)) == (0, 400)
    third = once(tmp_path, '{"Proto":6,"Bytes":1000}\n')
    assert (third.returncode, total(third.stdout)) == (0, 1400)


def test_a_damaged_state_is_refused_by_a_run_and_by_matrix(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    assert once(tmp_path, '{"Proto":6,"Bytes":1}\n').returncode == 0
    path = tmp_path / "state" / "ledger.checkpoint"
    path.with_suffix(".checkpoint.before").unlink(missing_ok=True)  # of a run that took long
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    again = once(tmp_path, '{"Proto":6,"Bytes":1}\n')
    matrix = subprocess.run(
        [*COMMAND, "matrix", "--state", "state"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    for done in (again, matrix):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "error: cannot read the state state/ledger.checkpoint: it is damaged: its checksum "
            "does not agree with its content; to start from zero, delete state/ledger.checkpoint\n"
        )
    path.unlink()
    assert total(once(tmp_path, '{"Proto":6,"Bytes":1}\n').stdout) == 1


def test_an_input_that_became_shorter_is_warned_of(tmp_path: Path) -> None:
    """Its new end would count as known; at its old length nothing is said."""
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    line = '{"Proto":6,"Bytes":1}\n'
    assert total(once(tmp_path, 1_500 * line).stdout) == 1_500
    shorter = once(tmp_path, 1_200 * line)
    assert total(shorter.stdout) == 1_500
    assert (
        "stage in: 1500 messages were counted of this input, and it has 300 fewer now: was it cut? "
        "As many new ones at its end would count as known"
    ) in shorter.stderr
    assert "fewer" not in once(tmp_path, 1_500 * line).stderr


def test_a_stop_before_the_first_flow_leaves_the_state_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The input was taken for another one, and the next run counted it once more."""
    file, flows = tmp_path / "pipeline.yaml", tmp_path / "flows"
    text = PIPELINE.replace("ingest_stdin", "ingest_file, path: flows")
    file.write_text(text.replace(", linger: 0.1", ""))
    for stopped in (False, True, False):
        flows.unlink(missing_ok=True)
        if stopped:
            os.mkfifo(flows)
        else:
            flows.write_text('{"Proto":6,"Bytes":1}\n' * 9)
        job = Job(config.load(file), state=tmp_path / "state")
        monkeypatch.setattr(ingest_file, "_is_idle", lambda _, job=job: job.runtime.stop())
        job.run()
        assert total(job.exposer.final()) == 9
        job.close()
