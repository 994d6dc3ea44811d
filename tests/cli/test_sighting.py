"""What is known about the ends of edges."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipeline.app.job import Job
from pipeline.cli.sighting import inventory, known, sighting
from pipeline.config.loader import load
from simulate import Simulation


def test_objects_and_labels_of_a_pipeline(made: Simulation) -> None:
    """From its inventory file as a whole, and from the labels of its stages."""
    job = Job(load(made.config))
    objects, labels = known(job)
    assert objects is not None
    declared = objects.declared.filter(pl.col("workload") == "dns-default")
    assert set(declared["port"].to_list()) == {53, 5353}
    assert "Machines" in {label.name for label in labels}
    job.close()


def test_an_inventory_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert inventory(None) == (None, [])
    with pytest.raises(ValueError, match=r"i\.yaml: "):
        inventory(tmp_path / "i.yaml")
    (tmp_path / "i.yaml").write_text("kind: [")
    with pytest.raises(ValueError, match=r"i\.yaml: "):
        inventory(tmp_path / "i.yaml")


def test_families_without_edges_are_no_sighting() -> None:
    assert sighting({}, None, []) is None
