"""What `benchmarks.series` measures is whole: every series is counted, kept, and shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.series import FAMILY, Group, checkpoints, restored
from pipeline.exposition.text_format import Exposition

pytestmark = pytest.mark.slow
_SERIES = 2_000


def test_series_are_kept_and_come_back(tmp_path: Path) -> None:
    found = checkpoints(_SERIES, tmp_path)
    few, most = (found[f"checkpoint of {number:,} changed series, kB"] for number in (20, _SERIES))
    assert min(few, most) > 0
    group = restored(_SERIES, tmp_path)
    assert _lines(group) == [], "another worker has shown them"
    group.count_all()
    group.checkpoint()
    assert len(_lines(group)) == _SERIES


def _lines(group: Group) -> list[str]:
    page = Exposition().render(group.assignment.shown.tables())
    return [line for line in page.splitlines() if line.startswith(FAMILY.name)]
