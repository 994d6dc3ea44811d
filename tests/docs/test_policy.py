"""The commands of the page print what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```console\n\$ flowmatrix (.*?)\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_is_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a recording to policies that are verified; the report is what is last on stderr."""
    monkeypatch.chdir(tmp_path)
    (simulation,) = re.findall(r"flowmatrix (simulate .*)", PAGE)
    assert flowmatrix(*shlex.split(simulation)).exit_code == 0
    assert len(SHOWN) == 3
    for command, output in SHOWN:
        done = flowmatrix(*shlex.split(command))
        assert done.exit_code == (3 if "explain" in command else 0), done.stderr
        printed = done.stdout or done.stderr[-len(output) :]
        assert printed == output
