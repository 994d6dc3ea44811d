"""Why an address means what it means."""

from __future__ import annotations

from typing import Any

from pipeline.kube.api import objects
from pipeline.kube.explain import explain
from pipeline.kube.index.index import Index
from pipeline.kube.index.keys import NODE_SUBNETS
from pipeline.kube.index.owners import Climb

HOUR = 3_600_000
NOON = 1_777_636_800_000  # 2026-05-01T12:00:00Z


def pod(name: str, ip: str, created: str, **more: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", "creationTimestamp": f"2026-05-01T{created}Z"}
    status = {"podIPs": [{"ip": ip}], "hostIP": "10.0.0.1", "phase": "Running", **more}
    return {"kind": "Pod", "metadata": meta, "spec": {"nodeName": "n1"}, "status": status}


NODE = {
    "kind": "Node",
    "metadata": {"name": "n1", "annotations": {NODE_SUBNETS: '{"default": "10.1.0.0/24"}'}},
    "status": {"addresses": [{"address": "10.0.0.1"}]},
}
SERVICE = {
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"clusterIPs": ["172.30.0.9"]},
}


def said(address: str, *found: dict[str, Any], at: int | None = None) -> dict[str, str]:
    index = Index(map(objects.of, found))
    return dict(explain(index, address, Climb(), at))


def test_nobody() -> None:
    """An address that nobody has is said to be nobody's."""
    assert said("10.9.9.9", NODE) == {"object": "none: no pod, node or service has this address"}


def test_a_node_and_the_pods_on_its_network() -> None:
    """Pods on the host network are listed with their node."""
    host = pod("agent", "10.0.0.1", "10:00:00")
    found = said("10.0.0.1", NODE, host)
    assert found["object"] == "Node n1"
    assert found["because"] == "an address of the node (status.addresses)"
    assert found["host network"] == "pods that appear as this node: shop/agent"
    assert said("10.1.0.2", NODE)["because"].startswith("OVN's mp0 port")


def test_a_service_hidden_by_a_pod() -> None:
    """What is not shown for the address is listed, with the rule."""
    found = said("172.30.0.9", SERVICE, pod("a", "172.30.0.9", "10:00:00"))
    assert found["object"] == "Pod shop/a"
    assert found["hidden"].startswith("Service shop/web claims it too")
    assert said("172.30.0.9", SERVICE)["because"] == "a cluster address (spec.clusterIPs)"


def test_who_had_it_then() -> None:
    """With a time the holder of that time is explained, and the others are named."""
    ended = [{"type": "PodReadyToStartContainers", "status": "False"}]
    ended[0]["lastTransitionTime"] = "2026-05-01T11:00:00Z"
    job = pod("job", "10.1.0.7", "10:00:00", phase="Succeeded", conditions=ended)
    web = pod("web", "10.1.0.7", "09:00:00")
    then = said("10.1.0.7", job, web, at=NOON - 2 * HOUR)
    assert (then["object"], then["because"]) == (
        "Pod shop/job",
        "a pod's own address (status.podIPs); it has ended",
    )
    assert then["otherwise"] == "Pod shop/web, from 2026-05-01T11:00:00Z on"
    now = said("10.1.0.7", job, web)
    assert now["object"] == "Pod shop/web"
    assert now["otherwise"] == "Pod shop/job, before 2026-05-01T11:00:00Z"


def test_a_time_before_all_that_is_known() -> None:
    """It is said that who had it before is unknown."""
    found = said("10.1.0.7", pod("web", "10.1.0.7", "12:00:00"), at=NOON - HOUR)
    assert found["but"].startswith("it has that address since 2026-05-01T12:00:00Z")
