"""Proposals as YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from discovery.manifests import Kind, manifest
from discovery.proposals import Proposal
from pipeline import config
from pipeline.diagnostics import Problem
from pipeline.kube import subnets
from pipeline.kube.api import objects
from pipeline.kube.subnets import Label

PROPOSALS = [
    Proposal(name="EXT:A", cidrs=["10.0.0.0/8", "2001:db8::/32"], opened=5, provider="A\n- x"),
    Proposal(name="y", cidrs=["11.0.0.0/8"], opened=1),
]
LABELS = [Label(one.name, one.cidrs) for one in PROPOSALS]
NONE: list[Proposal] = []


def test_a_flowcollector_is_read_as_the_labels() -> None:
    document = yaml.safe_load(manifest(PROPOSALS, Kind.FLOWCOLLECTOR))
    problems: list[Problem] = []
    assert subnets.described([objects.of(document)], problems) == LABELS
    assert problems == []
    assert (document["apiVersion"], document["metadata"]) == (
        "flows.netobserv.io/v1beta2",
        {"name": "cluster"},
    )


def test_a_slice() -> None:
    assert yaml.safe_load(manifest(PROPOSALS, Kind.SLICE, "no")) == {
        "apiVersion": "flows.netobserv.io/v1alpha1",
        "kind": "FlowCollectorSlice",
        "metadata": {"name": "discovered", "namespace": "no"},
        "spec": {"subnetLabels": [{"name": one.name, "cidrs": one.cidrs} for one in PROPOSALS]},
    }


def test_a_stage_runs(tmp_path: Path) -> None:
    head = "stages:\n- {name: flows, type: ingest_stdin, decoder: json}\n"
    tail = "- {name: out, type: write_stdout, follows: subnets}\n"
    loaded = config.loads(head + manifest(PROPOSALS, Kind.STAGE) + tail, "p", tmp_path)
    assert getattr(loaded.stages[1], "labels", None) == LABELS


@pytest.mark.parametrize("kind", Kind)
def test_none_is_an_empty_list(kind: Kind) -> None:
    assert manifest(NONE, kind).endswith(": []\n")
    assert yaml.safe_load(manifest(NONE, kind))
