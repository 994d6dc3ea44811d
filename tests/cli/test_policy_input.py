"""What the `policy` commands read, and what they say of input that they cannot use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from pipeline.app.job import Job
from pipeline.cli.policy_input import Given, Objects
from pipeline.config.loader import load
from pipeline.kube.inventory import file
from pipeline.kube.subnets import Label
from simulate import Simulation
from tests.support.commands import flowmatrix
from tests.support.policies import edge, edges, netpol, pod

OBJECTS = [pod("shop/web", "10.0.0.1"), pod("shop/db", "10.0.0.2"), netpol("shop/p", "")]


def verified(folder: Path, lines: str, objects: object = OBJECTS) -> tuple[int, str]:
    (folder / "edges.jsonl").write_text(lines)
    (folder / "objects.json").write_text(json.dumps({"kind": "List", "items": objects}))
    options = ["--edges", folder / "edges.jsonl", "--inventory", folder / "objects.json"]
    done = flowmatrix("policy", "verify", "cluster", *options)
    return done.exit_code, (done.stderr or done.stdout).replace(f"{folder}/", "")


def test_edges_of_a_file(tmp_path: Path) -> None:
    """As `matrix --format jsonl` prints them; a protocol may have no port."""
    rows = edges(edge("Pod/shop/web", "Pod/shop/db"), edge("1.1.1.1", "2.2.2.2", None, "ICMP"))
    code, text = verified(tmp_path, rows.write_ndjson())
    assert (code, text.splitlines()[0]) == (
        3,
        "allowed: 1 of 2 edges, 1 of 2 flows, 100 B of 200 B",
    )


def test_a_file_that_has_other_lines(tmp_path: Path) -> None:
    """What is wrong with it is in tests/matrix/test_edge_file.py."""
    rows = edges(edge("Pod/shop/web", "Pod/shop/db")).write_ndjson()
    code, text = verified(tmp_path, rows.replace('"TCP"', '"TPC"'))
    where = rows.index('"protocol":') + len('"protocol":') + 1
    wanted = "expected ICMP, TCP, UDP, ICMPv6, SCTP or a number up to 255"
    assert (code, text) == (
        78,
        f'edges.jsonl:1:{where}: error: field protocol: {wanted}, got "TPC"; did you mean "TCP"?\n',
    )


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    done = flowmatrix("policy", "verify", "x", "--edges", "none", "--inventory", tmp_path / "no")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "error: no: cannot be read: No such file or directory",
        f"error: {tmp_path}/no: it has no objects",
    ]


def test_an_object_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    wrong = {"kind": "Pod", "metadata": {"name": "x", "labels": {"a": 1}}}
    rows = edges(edge("Pod/shop/web", "Pod/shop/db"))
    _, text = verified(tmp_path, rows.write_ndjson(), [*OBJECTS, wrong])
    where = "objects.json: document 1, item 4"
    assert text == f"error: {where}: Pod x: field metadata.labels[...]: expected text, got int\n"


def test_no_edges(tmp_path: Path) -> None:
    code, text = verified(tmp_path, "")
    assert (code, text.splitlines()[0]) == (0, "allowed: 0 of 0 edges, 0 of 0 flows, 0 B of 0 B")


def test_a_policy_in_force_that_no_server_accepts(tmp_path: Path) -> None:
    code, text = verified(tmp_path, "", [netpol("shop/p", "ingres: []"), OBJECTS[0]])
    assert (code, text) == (
        78,
        'NetworkPolicy shop/p: error: field spec.ingres: unknown field; did you mean "ingress"?\n',
    )


def test_policies_of_other_kinds_are_not_judged_and_that_is_said(tmp_path: Path) -> None:
    other = {"kind": "CiliumNetworkPolicy", "metadata": {"namespace": "shop", "name": "c"}}
    _, text = verified(tmp_path, "", [*OBJECTS, other])
    assert text == "warning: 1 CiliumNetworkPolicy in the cluster are not judged\n"


@pytest.mark.parametrize("name", ["folder", "/dev/zero"])
def test_edges_of_what_is_no_file_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder was taken for no edges; a device was read for ever."""
    monkeypatch.setattr("matrix.edge_file._MOST", 1 << 20)
    (tmp_path / "folder").mkdir()
    (tmp_path / "objects.json").write_text(json.dumps({"kind": "List", "items": OBJECTS}))
    options = ["--edges", tmp_path / name, "--inventory", tmp_path / "objects.json"]
    done = flowmatrix("policy", "verify", "cluster", *options)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {tmp_path / name}: ")


@pytest.mark.slow
def test_workers_tell_their_labels(made: Simulation) -> None:
    """The policies of what a worker has counted are those of a run of its pipeline."""
    job = Job(load(made.config))
    job.run()
    generate = ("policy", "generate", "-n", "netobserv")
    alone = flowmatrix(*generate, "--input", made.config)
    with job.server("127.0.0.1:0") as server:
        asked = flowmatrix(*generate, "--server", server.url, "--inventory", made.inventory)
    job.close()
    assert "10.128.0.2/32" in alone.stdout
    assert asked.stdout == alone.stdout


OWN, OTHER = Label("EXT:own", ["198.51.100.0/24"]), Label("EXT:other", ["203.0.113.0/24"])


@pytest.mark.parametrize(("own", "found"), [([OWN], [OWN]), ([], [OTHER])])
def test_labels_are_those_of_the_pipeline_where_it_has_some(
    tmp_path: Path, own: list[Label], found: list[Label]
) -> None:
    """As its page has them: what the objects would give was listed behind, under another digest."""
    text = pipeline(tmp_path, own)
    given = Given(None, text, None, None)
    assert given.labels(None, [OTHER]) == found
    sighting = given.sighting()
    assert list(sighting.labels) == own


def test_labels_of_which_the_narrowest_is_meant(tmp_path: Path) -> None:
    """A run, a worker and its page list each network alone: the page listed the labels whole."""
    wide = Label("wide", ["10.0.0.0/8", "192.0.2.0/24"])
    text = pipeline(tmp_path, [wide, Label("narrow", ["10.1.0.0/16"])], match="longest")
    found = [
        Label("wide", ["192.0.2.0/24"]),
        Label("narrow", ["10.1.0.0/16"]),
        Label("wide", ["10.0.0.0/8"]),
    ]
    given = Given(None, text, None, None)
    assert given.labels(None, [OTHER]) == list(given.sighting().labels) == found
    job = Job(load(text))
    job.run()
    with job.server("127.0.0.1:0") as server:
        asked = Given(None, None, None, [server.url])
        assert asked.labels(None, [OTHER]) == list(asked.sighting().labels) == found
    job.close()


def test_labels_of_a_pipeline_that_is_given_come_before_those_of_the_objects(
    tmp_path: Path,
) -> None:
    text = pipeline(tmp_path, [OWN])
    given = Given(tmp_path / "edges.jsonl", None, None, None)
    assert given.labels(text, [OTHER]) == [OWN, OTHER]
    assert given.labels(None, [OTHER]) == [OTHER]


def pipeline(folder: Path, labels: list[Label], match: str = "first") -> Path:
    """A pipeline with these labels, over the objects of a cluster that would give others."""
    node = {"kind": "Node", "metadata": {"name": "n"}, "spec": {"podCIDRs": ["10.128.0.0/14"]}}
    file.write([node], folder / "objects.json")
    assert Objects(folder / "objects.json").labels
    (folder / "flows.jsonl").write_text("{}\n")
    own = {"labels": to_builtins(labels), "match": match}
    stages = [
        {"name": "in", "type": "ingest_file", "path": "flows.jsonl", "decoder": "json"},
        {"name": "k8s", "type": "kubernetes", "follows": "in", "inventory": "objects.json"},
        {"name": "s", "type": "subnet_label", "follows": "k8s", **own},
        {"name": "edges", "type": "encode_matrix", "follows": "s"},
    ]
    (folder / "p.yaml").write_text(json.dumps({"stages": stages if labels else _without(stages)}))
    return folder / "p.yaml"


def _without(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the stage of labels, which needs some."""
    return [*stages[:2], stages[3] | {"follows": "k8s"}]
