"""What stands beside the flows of a simulation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from simulate import companions, configs, truth
from simulate.scenarios import made
from simulate.synthetic import Shape

SMALL = Shape(pods=40, nodes=4, services=5, workloads=12, namespaces=3, externals=9, fanout=3)


@pytest.mark.parametrize("name", ["r.pb", "r.pb.gz", "r.jsonl.zst", "r"])
def test_files_are_named_after_the_recording(name: str) -> None:
    """Without its suffix, nor that of its compression."""
    found = companions.paths(Path("folder", name), "reference", 7)
    assert found.recording == Path("folder", name)
    assert found.inventory == Path("folder/r.inventory.yaml")
    assert found.truth == Path("folder/r.truth.json")
    assert found.config == Path("folder/r.yaml")
    assert found.flp_config == Path("folder/r.flp.yaml")
    assert found.flow_metrics == Path("folder/r.flowmetrics")
    assert (found.before, found.flows) == (Path("folder/r.before.yaml"), 7)


def test_a_cluster_has_a_json_inventory_and_no_before() -> None:
    """JSON is read far faster, and a cluster may have many objects."""
    found = companions.paths(Path("c.pb"), "cluster", 7)
    assert found.inventory == Path("c.inventory.json")
    assert found.before is None


@pytest.mark.parametrize("name", ["r.yaml", "r.flp.yaml", "r.before.yaml", "r.flowmetrics"])
def test_a_recording_under_the_name_of_another_file_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^out: {name} is the name of another file"):
        companions.paths(Path(name), "reference", 7)


def test_nor_may_it_be_another_file_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "r.pb").symlink_to("r.yaml")
    with pytest.raises(ValueError, match=r"^out: r\.pb is the name of another file"):
        companions.paths(tmp_path / "r.pb", "reference", 7)


@pytest.mark.parametrize("name", ["r.yaml.gz", "r.truth.json", "r.inventory"])
def test_a_recording_may_have_any_other_name(name: str) -> None:
    assert companions.paths(Path(name), "reference", 7).recording == Path(name)


def test_what_is_written_for_a_cluster(tmp_path: Path) -> None:
    paths = companions.paths(tmp_path / "c.pb", "cluster", 10)
    scenario = made("cluster", flows=10, shape=SMALL)
    companions.write(paths, "cluster", scenario, configs.file_source(paths.recording, "protobuf"))
    items = json.loads(paths.inventory.read_text())["items"]
    assert items == scenario.cluster.manifests
    metrics = sorted(path.stem for path in paths.flow_metrics.iterdir())
    assert metrics == ["workload-bytes", "workload-syn-in", "workload-syn-out"]
    assert yaml.safe_load(paths.config.read_text())["stages"][0]["path"] == "c.pb"


def test_the_truth_says_what_the_flows_are_and_leaves_no_partial_file(tmp_path: Path) -> None:
    scenario = made("cluster", flows=500, shape=SMALL)
    tally = truth.Tally(scenario.cluster.frame())
    for frame in scenario.frames:
        tally.add(frame)
    path = tmp_path / "c.truth.json"
    companions.tell(path, "cluster", tally, {"seed": 3})
    told = json.loads(path.read_text())
    assert (told["scenario"], told["seed"]) == ("cluster", 3)
    volume = told["metrics"]["netobserv_workload_bytes"]["series"]
    assert sum(row[-1] for row in volume) == tally.bytes()["value"].sum()
    assert [file.name for file in tmp_path.iterdir()] == ["c.truth.json"]
