"""The commands of the page print what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.docs.markdown import ROOT
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
FOLDER = "/tmp/demo"  # noqa: S108 - the folder of the page
SHOWN = re.findall(r"```console\n\$ flowmatrix (.*?)\n(.*?)```", PAGE, re.DOTALL)
STAGE = re.findall(r"```yaml\n(- \{.*?)```", PAGE, re.DOTALL)


def test_the_page_is_as_printed(tmp_path: Path) -> None:
    """After a run of the demo's pipeline with the stage of the page at its end."""
    assert f"simulate reference --out {FOLDER}/flows.pb" in PAGE
    assert flowmatrix("simulate", "reference", "--out", tmp_path / "flows.pb").exit_code == 0
    config = tmp_path / "flows.yaml"
    stages = yaml.safe_load(config.read_text())["stages"]
    config.write_text(yaml.safe_dump({"stages": [*stages, *yaml.safe_load(STAGE[0])]}))
    assert flowmatrix("run", config, "--once").exit_code == 0
    assert len(SHOWN) == 2
    for command, output in SHOWN:
        done = flowmatrix(*shlex.split(command.replace(FOLDER, str(tmp_path))))
        assert done.exit_code == 0, done.stderr
        assert done.output.replace(str(tmp_path), FOLDER) == output
