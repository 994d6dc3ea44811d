"""What is kept of objects: what edges and policies need, and nothing that may be secret."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.kube.inventory.reduce import reduced

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}, "annotations": {"token": "x"}},
    "spec": {
        "serviceAccountName": "x",
        "containers": [
            {
                "name": "main",
                "image": "x",
                "env": [{"name": "x", "value": "x"}],
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                "readinessProbe": {"httpGet": {"path": "/x", "port": "http"}, "periodSeconds": 3},
            }
        ],
    },
}
KEPT: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {
        "containers": [
            {
                "name": "main",
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                "readinessProbe": {"httpGet": {"port": "http"}},
            }
        ]
    },
}
SELECTOR = {"matchLabels": {"app": "web"}}


def kept(kind: str, **parts: Any) -> dict[str, Any]:
    one = {"metadata": {"name": "web", "namespace": "shop", "uid": "u", **parts.pop("meta", {})}}
    found = reduced("v1", kind, one | parts, annotations=False)
    assert found.pop("apiVersion") == "v1"
    assert found.pop("kind") == kind
    return found


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"])
def test_controllers(kind: str) -> None:
    """Selector, labels and ports of the template, and the number of replicas, also none."""
    spec = {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE, "strategy": "x"}
    assert kept(kind, spec=spec, status={"replicas": 3}) == {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 0, "selector": SELECTOR, "template": KEPT},
    }


def test_a_cron_job() -> None:
    spec = {"schedule": "x", "jobTemplate": {"spec": {"template": TEMPLATE, "backoffLimit": 1}}}
    assert kept("CronJob", spec=spec)["spec"] == {"jobTemplate": {"spec": {"template": KEPT}}}


def test_a_pod() -> None:
    """Its place, its ports, its addresses, and the one condition that says when it had them."""
    conditions = [
        {"type": "Ready", "status": "True"},
        {"type": "PodReadyToStartContainers", "status": "True"},
    ]
    spec = TEMPLATE["spec"] | {"nodeName": "n1", "hostNetwork": True, "volumes": ["x"]}
    status = {"phase": "Running", "podIP": "10.0.0.1", "qosClass": "x", "conditions": conditions}
    owner = {"kind": "ReplicaSet", "name": "rs", "uid": "u", "controller": False}
    assert kept("Pod", spec=spec, status=status, meta={"ownerReferences": [owner]}) == {
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "ownerReferences": [{"kind": "ReplicaSet", "name": "rs", "controller": False}],
        },
        "spec": {"nodeName": "n1", "hostNetwork": True, **KEPT["spec"]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions[1:]},
    }


def test_a_service() -> None:
    ports = [{"name": "http", "port": 80, "targetPort": "http", "nodePort": 30_080}]
    spec = {"type": "NodePort", "clusterIP": "172.30.0.7", "selector": {"app": "web"}}
    found = kept("Service", spec=spec | {"ports": ports, "sessionAffinity": "None"})
    assert found["spec"] == spec | {"ports": ports}


def test_an_endpoint_slice() -> None:
    """Addresses, ports, readiness and the pod behind each."""
    target = {"kind": "Pod", "namespace": "shop", "name": "web-1"}
    endpoint = {"addresses": ["10.0.0.1"], "conditions": {"ready": False}, "nodeName": "n1"}
    ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
    found = kept(
        "EndpointSlice",
        meta={"labels": {"kubernetes.io/service-name": "web"}},
        addressType="IPv4",
        ports=ports,
        endpoints=[endpoint | {"targetRef": target | {"uid": "u"}, "zone": "x"}],
    )
    assert found == {
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [endpoint | {"targetRef": target}],
    }


def test_policies_and_namespaces() -> None:
    """A policy is kept as it is: an empty selector means all pods."""
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}
    assert kept("NetworkPolicy", spec=spec)["spec"] == spec
    labels = {"kubernetes.io/metadata.name": "shop"}
    found = kept("Namespace", meta={"labels": labels}, spec={"finalizers": ["x"]})
    assert found == {"metadata": {"name": "web", "namespace": "shop", "labels": labels}}
