"""The commands of the page print what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "discover.md").read_text(encoding="utf-8")
FOLDER = "/tmp/demo"  # noqa: S108 - the folder of the page
SHOWN = re.findall(r"```console\n\$ flowmatrix (.*?)\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_is_as_printed(tmp_path: Path) -> None:
    assert f"simulate reference --out {FOLDER}/flows.pb" in PAGE
    assert flowmatrix("simulate", "reference", "--out", tmp_path / "flows.pb").exit_code == 0
    assert len(SHOWN) == 4
    for command, output in SHOWN:
        done = flowmatrix(*shlex.split(command.replace(FOLDER, str(tmp_path))))
        assert done.exit_code == 0, done.stderr
        assert done.stdout.replace(str(tmp_path), FOLDER) == output
