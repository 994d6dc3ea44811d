"""What is known about the ends of edges."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl
import pytest

from pipeline.app.job import Job
from pipeline.cli.sighting import Manifests, inventory, known, sighting
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


def test_manifests_are_given_out_as_they_are() -> None:
    """Also where they are several blocks of compressed text."""
    items = [{"kind": "Pod", "metadata": {"name": f"p{number}"}} for number in range(1_203)]
    raw = [msgspec.Raw(msgspec.json.encode(one)) for one in items]
    found = Manifests(raw)
    assert (len(found), list(found), list(found)) == (1_203, items, items)
    places = (0, 499, 500, 1_202, -1, -1_203)
    assert [found[place] for place in places] == [items[place] for place in places]
    assert found[498:502] == items[498:502]
    with pytest.raises(IndexError):
        found[1_203]
    assert found.digest == Manifests(raw).digest != Manifests(raw[1:]).digest
    assert not Manifests([])
