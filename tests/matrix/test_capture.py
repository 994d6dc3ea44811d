"""The pipeline of a recording without one of its own; tests/cli/test_series.py runs it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from matrix.capture import pipeline_for
from matrix.facts import facts
from pipeline.app.job import Job
from pipeline.config.loader import ConfigError
from pipeline.state import count_store
from simulate import simulate


def test_it_counts_the_edges_of_every_flow(tmp_path: Path) -> None:
    made = simulate("reference", tmp_path / "flows.jsonl")
    config = pipeline_for(made.recording, made.inventory)
    assert [stage.type for stage in config.stages] == [
        *("ingest_file", "kubernetes", "subnet_label", "encode_matrix")
    ]
    job = Job(config)
    job.run()
    found = facts(count_store.facts(job.counts)).edges
    assert found.select(pl.sum("flows") + pl.sum("reply_flows")).item() == made.flows


def test_flows_name_their_objects_themselves_without_an_inventory(tmp_path: Path) -> None:
    (tmp_path / "flows.json").write_text('{"DstPort": 443}')
    stages = pipeline_for(tmp_path / "flows.json").stages
    assert "kubernetes" not in {stage.type for stage in stages}


def test_an_inventory_that_is_not_valid_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flows.json").write_text('{"DstPort": 443}')
    (tmp_path / "i.yaml").write_text("kind: [")
    with pytest.raises(ConfigError, match=r"i\.yaml"):
        pipeline_for(tmp_path / "flows.json", tmp_path / "i.yaml")
