"""--log-level and --log-format, of real commands."""

from __future__ import annotations

import json
import os
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
    """A worker without a broker logs lines of every level, in the form asked for."""
    path = tmp_path / "p.yaml"
    path.write_text(BROKEN.format(level=level))
    command = [COMMAND, "run", str(path), "--listen", "127.0.0.1:0", "--log-format", "json", *given]
    least = "WARNING" if given else level.upper()
    logged: list[dict[str, str]] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("{"):
                logged.append(json.loads(line))
                if logged[-1]["level"] == least:
                    break
        process.terminate()
        process.communicate()
    assert logged[-1]["level"] == least
    shown = ["INFO", "WARNING", "ERROR"]
    assert {one["level"] for one in logged} <= {*shown[shown.index(least) :]}


@pytest.mark.parametrize("option", ["--log-level", "--log-format"])
def test_a_value_that_is_none_is_refused(option: str) -> None:
    done = subprocess.run(
        [COMMAND, "schema", option, "loud"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "'loud' is not one of" in done.stderr


@pytest.mark.parametrize("variable", ["FLOWMATRIX_LOG_LEVEL", "FLOWMATRIX_LOG_FORMAT"])
def test_a_variable_of_the_environment_that_has_no_such_value_is_named(variable: str) -> None:
    done = subprocess.run(
        [COMMAND, "schema"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, variable: "loud"},
    )
    assert done.returncode == 2
    assert f"(env var: '{variable}'): 'loud' is not one of" in done.stderr
    assert "Traceback" not in done.stderr
