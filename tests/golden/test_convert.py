"""`convert` of every file of flowlogs-pipeline here: the native form is the same pipeline."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import config
from pipeline.cli.app import app
from pipeline.config.loader import ConfigError

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/config.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_native_form_is_the_same_pipeline(case: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(case, tmp_path / "case")
    path = folder / "config.yaml"
    if (folder / "kube.yaml").exists():
        for configured in re.findall(r"configPath: ([^\s}]+)", path.read_text()):
            shutil.copy(folder / "kube.yaml", folder / configured)
    done = CliRunner().invoke(app, ["convert", str(path)])
    try:
        loaded = config.load(path)
    except ConfigError:
        assert (done.exit_code, done.stdout) == (78, "")
        return
    assert done.exit_code == 0
    native = folder / "native.yaml"
    native.write_text(done.stdout)
    again = config.load(native)
    assert (again.stages, again.settings) == (loaded.stages, loaded.settings)
