"""The pipeline of a recording without one of its own; tests/cli/test_series.py runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from matrix.capture import ALL, OPENED, pipeline_for
from pipeline.app.job import Job
from pipeline.config.loader import ConfigError
from simulate import simulate


def test_it_counts_what_opens_connections_and_everything(tmp_path: Path) -> None:
    made = simulate("reference", tmp_path / "flows.jsonl")
    config = pipeline_for(made.recording, made.inventory)
    assert [stage.type for stage in config.stages if stage.type != "encode_prometheus"] == [
        *("ingest_file", "kubernetes", "subnet_label", "tcp_flags", "flatten", "filter")
    ]
    job = Job(config)
    job.run()
    counted = {table.family.name: table.series()[":value"].sum() for table in job.counts.tables()}
    assert counted[ALL] == made.flows
    assert 0 < counted[OPENED] < made.flows


def test_flows_name_their_objects_themselves_without_an_inventory(tmp_path: Path) -> None:
    (tmp_path / "flows.json").write_text('{"DstPort": 443}')
    stages = pipeline_for(tmp_path / "flows.json").stages
    assert "kubernetes" not in {stage.type for stage in stages}


def test_an_inventory_that_is_not_valid_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flows.json").write_text('{"DstPort": 443}')
    (tmp_path / "i.yaml").write_text("kind: [")
    with pytest.raises(ConfigError, match=r"i\.yaml"):
        pipeline_for(tmp_path / "flows.json", tmp_path / "i.yaml")
