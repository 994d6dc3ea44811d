"""What is kept of an object: what answers depend on, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.kube.api import objects
from pipeline.kube.api.objects import Owner
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.kept import NOTHING, Kept, kept


def of(kind: str, status: dict[str, Any] | None = None, **metadata: Any) -> Kept:
    meta = {"name": "a", "namespace": "shop", **metadata}
    one = objects.of({"kind": kind, "metadata": meta, "spec": {}, "status": status or {}})
    return kept(one, IndexOptions())


def test_of_a_pod_its_addresses_and_its_owner() -> None:
    owner = {"kind": "ReplicaSet", "name": "a-1", "uid": "u"}
    found = of("Pod", {"podIP": "10.128.0.9"}, ownerReferences=[owner])
    assert found.entry is not None
    assert (found.entry.addresses, found.entry.owner) == (
        ("10.128.0.9",),
        Owner("ReplicaSet", "a-1"),
    )
    assert not found.network


def test_of_a_replica_set_only_its_owner() -> None:
    owner = {"kind": "Deployment", "name": "a", "uid": "u"}
    assert of("ReplicaSet", ownerReferences=[owner]) == Kept(
        None, Owner("Deployment", "a"), network=False
    )


@pytest.mark.parametrize("kind", ["UserDefinedNetwork", "ClusterUserDefinedNetwork"])
def test_of_a_network_that_it_is_one(kind: str) -> None:
    assert of(kind) == Kept(None, None, network=True)


def test_of_what_answers_do_not_depend_on_nothing() -> None:
    assert of("ConfigMap") == NOTHING
    assert not NOTHING


def test_what_does_not_change_answers_does_not_change_what_is_kept() -> None:
    before = of("Pod", {"podIP": "10.128.0.9"})
    assert of("Pod", {"podIP": "10.128.0.9", "message": "restarted"}) == before
    assert of("Pod", {"podIP": "10.128.0.8"}) != before
