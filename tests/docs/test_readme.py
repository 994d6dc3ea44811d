"""The pipeline of the README runs as it is printed, from the clone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDER = "/tmp/demo"  # noqa: S108 - the folder of the page


def test_the_pipeline_of_the_readme_runs(tmp_path: Path) -> None:
    """In a folder with the clone's configs beside it, on the recording its commands make."""
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert f"simulate reference --out {FOLDER}/flows.pb" in README
    assert flowmatrix("simulate", "reference", "--out", tmp_path / "flows.pb").exit_code == 0
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    path = tmp_path / "pipeline.yaml"
    path.write_text(text.replace(FOLDER, str(tmp_path)))
    assert flowmatrix("validate", path).exit_code == 0
    done = flowmatrix("matrix", path, "--namespace", "netobserv", "--format", "csv")
    assert done.exit_code == 0
    assert done.stdout.count("flowlogs-pipeline") > 10
