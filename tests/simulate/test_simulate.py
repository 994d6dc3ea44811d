"""Whole simulations: files, truth recounted from the recording, the committed configurations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulate import Shape, Simulation, simulate

SMALL = Shape(pods=40, nodes=4, services=5, workloads=12, namespaces=3, externals=9, fanout=3)
COMMITTED = Path(__file__).parents[2] / "configs" / "reference"
Counted = dict[tuple[str, ...], float]


def family(told: dict[str, Any], name: str, order: list[str]) -> Counted:
    """Series of a metric of the truth by the values of its labels, in this order."""
    metric = told["metrics"][name]
    places = [metric["labels"].index(label) for label in order]
    return {tuple(row[place] for place in places): row[-1] for row in metric["series"]}


def ends(src: str, dst: str) -> list[str]:
    """Labels of the two ends of the blog's pair."""
    names = ("namespace", "workload", "kind", "subnet_label")
    return [prefix + name for prefix in (src, dst) for name in names]


@pytest.mark.parametrize(
    ("scenario", "name", "options"),
    [
        ("reference", "reference.pb", {"flows": 6_000}),
        ("cluster", "cluster.pb.gz", {"flows": 4_000, "shape": SMALL}),
    ],
)
def test_the_truth_is_what_a_flow_by_flow_recount_gives(
    tmp_path: Path,
    scenario: str,
    name: str,
    options: dict[str, Any],
    recount: Callable[..., dict[str, Counted]],
) -> None:
    made = simulate(scenario, tmp_path / name, seed=9, **options)
    told = json.loads(made.truth.read_text())
    counts = recount(made.recording, made.inventory, made.config)
    assert told["flows"] == made.flows == options["flows"]
    sent = family(told, "netobserv_workload_syn_out", [*ends("", "to_"), "port"])
    received = family(told, "netobserv_workload_syn_in", [*ends("from_", ""), "port"])
    assert sent == received == counts["syn"]
    if scenario == "cluster":
        suffixes = ("K8S_Namespace", "K8S_OwnerName", "K8S_OwnerType", "SubnetLabel")
        order = [end + suffix for end in ("Src", "Dst") for suffix in suffixes]
        assert family(told, "netobserv_workload_bytes", [*order, "Proto"]) == counts["bytes"]


def test_without_the_custom_label_the_truth_is_told_too(
    tmp_path: Path, recount: Callable[..., dict[str, Counted]]
) -> None:
    made = simulate("reference", tmp_path / "r.pb")
    told = json.loads(made.truth.read_text())
    counts = recount(made.recording, made.inventory, made.before)
    before = {"metrics": told["metrics_before"]}
    order = [*ends("", "to_"), "port"]
    assert family(before, "netobserv_workload_syn_out", order) == counts["syn"]


def test_the_exposed_labels_are_the_ten_of_the_post(tmp_path: Path) -> None:
    told = json.loads(simulate("reference", tmp_path / "r.pb").truth.read_text())
    for name, metric in told["metrics"].items():
        src, dst = ("", "to_") if name.endswith("out") else ("from_", "")
        assert set(metric["labels"]) == {*ends(src, dst), "port", "Flags"}
        assert {row[metric["labels"].index("Flags")] for row in metric["series"]} == {"SYN"}


def files(made: Simulation) -> dict[str, bytes]:
    """What was written, by path below the folder."""
    folder = made.recording.parent
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["a.pb", "a.jsonl.gz", "a.json.zst"])
def test_the_same_arguments_give_the_same_files(tmp_path: Path, name: str) -> None:
    one, other = (
        files(simulate("cluster", tmp_path / run / name, flows=2_000, shape=SMALL))
        for run in ("one", "other")
    )
    assert one == other
    assert set(one) == {
        name,
        "a.inventory.json",
        "a.truth.json",
        "a.yaml",
        "a.flp.yaml",
        *(f"a.flowmetrics/workload-{x}.yaml" for x in ("syn-in", "syn-out", "bytes")),
    }


def test_the_committed_configurations_are_current(tmp_path: Path) -> None:
    """If this fails: simulate("reference", Path("configs/reference/reference.pb"))."""
    fresh = files(simulate("reference", tmp_path / "reference.pb"))
    for name in ("reference.pb", "reference.truth.json"):
        del fresh[name]
    committed = {
        str(path.relative_to(COMMITTED)): path.read_bytes() for path in COMMITTED.rglob("*.yaml")
    }
    assert committed == fresh


@pytest.mark.parametrize(
    ("scenario", "name", "options", "message"),
    [
        ("referense", "a.pb", {}, 'scenario: "referense" is unknown; did you mean "reference"'),
        ("reference", "a.yaml", {}, "out: a.yaml is the name of another file"),
        ("reference", "a.pb", {"shape": SMALL}, "shape: the reference scenario has its own"),
        ("cluster", "a.pb", {"ipfix_replies": True}, "ipfix_replies: only the reference"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, scenario: str, name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(scenario, tmp_path / name, **options)
    assert not list(tmp_path.iterdir())
