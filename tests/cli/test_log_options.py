"""--log-level and --log-format, of real commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("flowmatrix"))
BROKEN = """\
{{checkpoint: {{interval: 1s}}, stages: [
 {{name: in, type: ingest_kafka, brokers: ["127.0.0.1:1"], topics: [t], group_id: g,
  decoder: json}},
 {{name: out, type: write_stdout, follows: in}}], log_level: {level}}}
"""


@pytest.mark.parametrize("level", ["info", "error"])
@pytest.mark.parametrize("given", [[], ["--log-level", "warning"]])
def test_the_option_comes_before_the_level_of_the_file(
    tmp_path: Path, level: str, given: list[str]
) -> None:
    """A worker without a broker warns, in the form asked for."""
    path = tmp_path / "p.yaml"
    path.write_text(BROKEN.format(level=level))
    command = [COMMAND, "run", str(path), "--listen", "127.0.0.1:0", "--log-format", "json", *given]
    expected = level == "info" or bool(given)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        found = []
        for line in process.stderr:
            found.append(line)
            if line.startswith("{") or not expected:
                break
        process.terminate()
        found += process.stderr.readlines()
    logged = [json.loads(line) for line in found if line.startswith("{")]
    assert bool(logged) is expected
    assert {one["level"] for one in logged} <= {"WARNING", "INFO"}


@pytest.mark.parametrize("option", ["--log-level", "--log-format"])
def test_a_value_that_is_none_is_refused(option: str) -> None:
    done = subprocess.run(
        [COMMAND, "schema", option, "loud"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "'loud' is not one of" in done.stderr
