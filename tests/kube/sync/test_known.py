"""What is kept of the objects of a resource, as their lists and changes come."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.reflector import Resource
from pipeline.kube.sync.known import KnownObjects
from tests.kube.live import NOWHERE


@pytest.fixture
def known(tmp_path: Path) -> KnownObjects:
    path = tmp_path / "kubeconfig"
    path.write_text(NOWHERE)
    return KnownObjects(ClusterConnection(path), Resource("Node", "v1", "nodes", namespaced=False))


def raw(name: str, namespace: str = "", cidr: str = "10.0.0.0/24") -> msgspec.Raw:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return msgspec.Raw(msgspec.json.encode({"metadata": metadata, "spec": {"podCIDR": cidr}}))


def test_a_list_replaces_what_was_known(known: KnownObjects) -> None:
    """Objects of one name in two namespaces are two; the kind is the resource's."""
    known.listed([[raw("a")], [raw("b"), raw("b", "other")]], since=0, at=1)
    found = {(one.kind, one.metadata.namespace or "", one.metadata.name) for one in known.objects()}
    assert found == {("Node", "", "a"), ("Node", "", "b"), ("Node", "other", "b")}
    known.listed([[raw("c")]], since=1, at=2)
    assert [one.metadata.name for one in known.objects()] == ["c"]
    assert len(known) == 1


def test_changes_and_deletions(known: KnownObjects) -> None:
    """A reader keeps the objects of its moment; deleting what is not known changes nothing."""
    known.changed(raw("a"), 1)
    before = known.objects()
    known.changed(raw("b"), 2)
    known.deleted(raw("a"), 3)
    known.deleted(raw("a"), 4)
    assert [one.metadata.name for one in before] == ["a"]
    assert [one.metadata.name for one in known.objects()] == ["b"]


def test_an_object_that_is_equal_stays_the_very_same(known: KnownObjects) -> None:
    """What is derived from it need not be derived again."""
    known.changed(raw("a"), 1)
    (first,) = known.objects()
    known.changed(raw("a"), 2)
    known.listed([[raw("a")]], since=2, at=3)
    assert known.objects()[0] is first
    known.changed(raw("a", cidr="10.1.0.0/24"), 4)
    assert known.objects()[0] is not first
