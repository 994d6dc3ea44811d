"""Objects of the API: what is read of them, and what is not an object."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object, PodAddress, Spec, Status

POD = b"""{
  "kind": "Pod", "apiVersion": "v1", "unknown": {"x": [1]},
  "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"},
               "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": true}]},
  "spec": {"nodeName": "n1", "hostNetwork": null, "containers": []},
  "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}
}"""


def test_what_the_engine_reads_of_an_object() -> None:
    """Parts that are not known are ignored, so an API server may be newer."""
    pod = objects.parse(POD)
    assert (pod.kind, pod.metadata.name, pod.metadata.labels) == ("Pod", "web", {"app": "web"})
    (owner,) = pod.metadata.owner_references or []
    assert (owner.kind, owner.name, owner.controller) == ("ReplicaSet", "web-1", True)
    assert objects.part(pod.spec, Spec) == Spec(node_name="n1", containers=[])
    assert objects.part(pod.status, Status).pod_ips == [PodAddress("10.0.0.1")]


@pytest.mark.parametrize("text", ['{"kind": "Pod"}', '{"kind": "Pod", "spec": null}'])
def test_a_part_that_is_missing_is_empty(text: str) -> None:
    assert objects.part(objects.parse(text).spec, Spec) == Spec()


def test_a_part_of_another_shape() -> None:
    """A custom resource of a known name may have any spec: it fails only where it is read."""
    other = objects.parse('{"kind": "Pod", "spec": {"nodeName": ["n1"]}}')
    with pytest.raises(
        msgspec.ValidationError, match=r"^field spec\.nodeName: expected text or nothing, got list$"
    ):
        objects.part(other.spec, Spec)


def test_plain_values_are_read_as_json_is() -> None:
    plain = msgspec.json.decode(POD)
    assert objects.of(plain).metadata == objects.parse(POD).metadata
    with pytest.raises(ValueError, match=r"^expected mapping, got list$"):
        objects.of(["not", "an", "object"])


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (Object(kind="Pod"), None),
        (Object(kind="PodList"), []),
        (Object(kind="List", items=msgspec.Raw(b"null")), []),
        (Object(kind="List", items=msgspec.Raw(b'[{"kind":"Pod"}]')), [{"kind": "Pod"}]),
    ],
)
def test_the_items_of_a_list(obj: Object, expected: list[object] | None) -> None:
    """An object that is not a list has none, which is not the same as an empty list."""
    found = objects.items(obj)
    assert (None if found is None else [msgspec.json.decode(one) for one in found]) == expected


def test_packed_objects_come_back_as_they_were() -> None:
    """A list of alike objects takes a few percent of its JSON."""
    some = [objects.parse(POD)] * 100
    content = objects.packed(some)
    assert objects.unpacked(content) == some
    assert len(content) < len(msgspec.json.encode(some)) / 10
    assert objects.unpacked(objects.packed([])) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"kind": "Pod", "metadata": {"name": "web", "labels": 1}}', "Pod web"),
        ('{"kind": 1, "metadata": {"name": "web"}}', "web"),
        ('{"kind": "Pod", "metadata": 7}', "Pod"),
        ("[1]", ""),
        ('{"kind"', ""),
    ],
)
def test_what_is_no_object_is_called_by_what_it_has(text: str, name: str) -> None:
    assert objects.called(text) == name
