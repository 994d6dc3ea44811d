"""A short form of `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kafka.chaos import Options, run


@pytest.mark.real
@pytest.mark.xdist_group("kafka")
def test_counts_are_exact_through_chaos(tmp_path: Path) -> None:
    """A short run of what `make chaos` does."""
    options = Options(flows=40_000, kills=4, scales=2, outage=5, gap=1.5, seed=4)
    report = run(options, tmp_path)
    assert report.wrong == []
    assert report.produced == 40_400 == report.counted + report.filtered + report.rejected
    assert report.rejected == 400
    assert report.happened["kills"] == 4
