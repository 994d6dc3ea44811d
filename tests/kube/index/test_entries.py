"""What the index keeps of an object, and from when to when it had its addresses."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.kube.api import objects
from pipeline.kube.index.entries import Entry, IndexOptions, Standing, entry, milliseconds, moment

CREATED = "2026-01-01T00:00:00Z"
STARTED = "2026-01-01T00:00:05Z"
NETWORK = "2026-01-01T00:00:07Z"
T0 = 1_767_225_600_000
"""CREATED in milliseconds."""


def of(document: dict[str, Any], options: IndexOptions | None = None) -> Entry:
    """The entry of an object, which has one."""
    made = entry(objects.of(document), options or IndexOptions())
    assert made is not None
    return made


def pod(phase: str = "Running", ready: str = "True", **metadata: Any) -> dict[str, Any]:
    """A pod that got its network two seconds after it started."""
    condition = {"type": "PodReadyToStartContainers", "status": ready}
    return {
        "kind": "Pod",
        "metadata": {
            "name": "web-1",
            "namespace": "shop",
            "creationTimestamp": CREATED,
            "annotations": {"a": "b"},
            **metadata,
        },
        "spec": {"nodeName": "n1"},
        "status": {
            "phase": phase,
            "startTime": STARTED,
            "hostIP": "192.0.2.1",
            "podIPs": [{"ip": "10.0.0.1"}, {"ip": "FD00::1"}],
            "conditions": [{**condition, "lastTransitionTime": NETWORK}],
        },
    }


def test_a_pod() -> None:
    """Its addresses are canonical; it got them when its network was ready."""
    found = of(pod())
    assert (found.kind, found.namespace, found.name) == ("Pod", "shop", "web-1")
    assert found.addresses == ("10.0.0.1", "fd00::1")
    assert (found.host_ip, found.node) == ("192.0.2.1", "n1")
    assert (found.since, found.seen, found.until) == (T0 + 7_000, T0 + 7_000, 0)
    assert found.standing is Standing.LIVING


def test_a_pod_that_has_ended() -> None:
    """It had its addresses until its network was taken down."""
    found = of(pod("Succeeded", "False"))
    assert (found.since, found.until) == (T0 + 5_000, T0 + 7_000)
    assert found.standing is Standing.ENDED


def test_a_pod_that_is_being_deleted() -> None:
    assert of(pod(deletionTimestamp=NETWORK)).standing is Standing.TERMINATING


def test_annotations_are_kept_on_demand() -> None:
    """They are the largest part of many objects."""
    assert of(pod()).annotations == {}
    assert of(pod(), IndexOptions(annotations=True)).annotations == {"a": "b"}


def test_a_node_has_the_addresses_of_its_network_plugin_too() -> None:
    node = {
        "kind": "Node",
        "metadata": {
            "name": "n1",
            "annotations": {"k8s.ovn.org/node-subnets": '{"default":["10.128.2.0/23"]}'},
        },
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    }
    assert of(node).addresses == ("192.0.2.1", "10.128.2.2")
    assert of(node, IndexOptions(cni=frozenset())).addresses == ("192.0.2.1",)
    assert (of(node).host_ip, of(node).node) == ("192.0.2.1", "n1")


def test_a_service_has_its_cluster_addresses() -> None:
    spec = {"clusterIPs": ["172.30.0.1", "fd01::1"], "clusterIP": "172.30.0.1"}
    found = of({"kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
    assert found.addresses == ("172.30.0.1", "fd01::1")


def test_other_kinds_have_no_entry() -> None:
    assert entry(objects.of({"kind": "ConfigMap"}), IndexOptions()) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [(CREATED, T0), ("2026-01-01T01:00:00.5+01:00", T0 + 500), ("", 0), (None, 0), ("soon", 0)],
)
def test_times_of_the_api(text: str | None, expected: int) -> None:
    assert milliseconds(text) == expected


def test_a_time_that_has_to_be_one() -> None:
    with pytest.raises(ValueError, match="soon"):
        moment("soon")
