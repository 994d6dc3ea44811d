"""Warnings: once, and where they help; an error is the last thing that is said."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import polars as pl
import pytest

from pipeline.stage import VALUE, Delta, Family, Kind, Policy, Rule
from pipeline.state.ledger import Ledger
from tests.support.commands import flowmatrix

SEED = Path(__file__).parents[2] / "configs" / "flowmetrics"
PIPELINE = f"""\
stages:
- {{name: in, type: ingest_file, path: flows.jsonl, decoder: json}}
- {{name: metrics, type: flow_metrics, follows: in, files: ["{SEED}"]}}
- {{name: expose, type: encode_prometheus, follows: metrics, prefix: n_}}
"""
FLOW = {"Proto": 6, "Flags": ["SYN"], "DstK8S_Namespace": "shop", "FlowDirection": 0, "Bytes": 1}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A pipeline with the FlowMetrics of the seed."""
    (tmp_path / "flows.jsonl").write_text(json.dumps(FLOW) + "\n")
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path / "pipeline.yaml"


@pytest.mark.parametrize(
    "arguments",
    [("run", "FILE", "--once"), ("graph", "FILE"), ("convert", "FILE"), ("matrix", "FILE")],
)
def test_the_seed_is_read_without_a_warning(path: Path, arguments: tuple[str, ...]) -> None:
    done = flowmatrix(*(path if one == "FILE" else one for one in arguments))
    assert "cardinality" not in done.stderr


def test_validate_shows_cardinality_once(path: Path) -> None:
    """Each warning once, however many pipelines have the FlowMetric, and in the status."""
    other = path.with_name("other.yaml")
    other.write_text(PIPELINE)
    done = flowmatrix("validate", path, other)
    lines = done.stderr.splitlines()
    assert done.exit_code == 0
    assert [line for line in lines if "cardinality careful: many series with" in line] != []
    assert len(lines) == len(set(lines))
    assert "cardinality careful" in done.stdout


def test_errors_stand_behind_the_warnings(path: Path) -> None:
    path.write_text(PIPELINE.replace("follows: in,", "follows: inn,"))
    for command in ("validate", "graph"):
        done = flowmatrix(command, path)
        assert done.exit_code == 78
        kinds = [": error: " in line for line in done.stderr.splitlines()]
        assert any(kinds)
        assert kinds == sorted(kinds)


def test_the_workers_of_a_command_do_not_warn_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(
        "stages:\n- {name: in, type: ingest_file, path: flows.jsonl, decoder: json}\n"
        "- {name: e, type: encode_prometheus, follows: in,"
        " metrics: [{name: a, labels: [SrcPrt]}]}\n"
    )
    assert 'did you mean "SrcPort"?' in flowmatrix("graph", path).stderr
    monkeypatch.setenv("FLOWMATRIX_WORKER", "1")
    assert flowmatrix("graph", path).stderr == ""


@pytest.mark.parametrize("exposed", [True, False])
def test_a_metric_that_grows_is_logged_at_each_step(
    caplog: pytest.LogCaptureFixture, *, exposed: bool
) -> None:
    """Not one that Prometheus never sees."""
    kind, facts = (Kind.COUNTER, ()) if exposed else (None, (("number", Rule.SUM),))
    family = Family("flows", kind, ("Proto", "SrcAddr"), facts=facts)
    ledger = Ledger({"flows": (family, Policy("stage"))})
    with caplog.at_level(logging.WARNING):
        for first, last in ((0, 9_999), (9_999, 10_001), (10_001, 20_000), (20_000, 100_000)):
            names = [f"a{number}" for number in range(first, last)]
            value = {VALUE: [1.0] * len(names)} if exposed else {"number": [1] * len(names)}
            frame = pl.DataFrame({"Proto": ["6"] * len(names), "SrcAddr": names, **value})
            ledger.merge([Delta(family, frame)], 5.0)
            ledger.tables()
    said = [
        "metric flows has 10,001 series: label SrcAddr has 10,001 values, Proto has 1 values",
        "metric flows has 100,000 series: label SrcAddr has 100,000 values, Proto has 1 values",
    ]
    assert caplog.messages == (said if exposed else [])
