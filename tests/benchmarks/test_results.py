"""Results of benchmarks, kept and compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.results import Results, Row

BEFORE = Results(
    "engine",
    3,
    commit="aaa",
    rows={"all of it": Row(100_000, 4.0, 200), "idle": Row(50, 8.0), "old": Row(1, 1)},
    figures={"latency p50, s": 0.5, "idle, %": 1.0},
)
AFTER = Results(
    "engine",
    3,
    commit="bbb",
    rows={"all of it": Row(150_000, 3.0, 190), "idle": Row(50, 10.0), "new": Row(1, 1)},
    figures={"latency p50, s": 0.25},
)


def test_results_are_kept_by_benchmark_and_commit_and_read_again(tmp_path: Path) -> None:
    path = BEFORE.write(tmp_path / "results")
    assert path == tmp_path / "results" / "engine-aaa.json"
    kept = json.loads(path.read_text())
    assert kept["rows"]["all of it"] == {"flows_s": 100_000, "cpu_us": 4.0, "peak_mb": 200}
    assert results.read(str(path)) == BEFORE


def test_figures_of_the_second_are_shown_by_those_of_the_first() -> None:
    assert results.compared(BEFORE, AFTER) == [
        "B / A      flows/s  CPU a flow  memory",
        "all of it     1.50        0.75     0.95",
        "idle          1.00        1.25        -",
        "latency p50, s: 0.5 -> 0.25",
        "in A only: idle, %",
        "in A only: old",
        "in B only: new",
    ]


def test_the_command_takes_files_and_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(each.write(tmp_path)) for each in (BEFORE, AFTER)]
    monkeypatch.setattr("sys.argv", ["results", *paths])
    results.main()
    told = capsys.readouterr().out
    assert told.startswith("A: engine at aaa, 3 runs, ")
    assert "\nall of it     1.50        0.75     0.95\n" in told
    monkeypatch.setattr("sys.argv", ["results", paths[0], "engine-nothing"])
    with pytest.raises(SystemExit, match=r"No such file.*engine-nothing\.json"):
        results.main()
    monkeypatch.setattr("sys.argv", ["results"])
    with pytest.raises(SystemExit, match="usage: make bench-compare A=RESULT B=RESULT"):
        results.main()
