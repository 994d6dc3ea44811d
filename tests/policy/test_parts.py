"""Pods, their workloads and their ports."""

from __future__ import annotations

from policy.parts import NamedPort, Pod, Reference, ServicePort, distinct

LABELS = {"app": "web"}
OWNERS = (Reference("ReplicaSet", "shop", "web-1"), Reference("Deployment", "shop", "web"))


def test_the_workload_of_a_pod_outlives_it() -> None:
    assert Pod("shop", "web-1-x", LABELS, owners=OWNERS).workload == OWNERS[1]
    assert Pod("shop", "alone", LABELS).workload == Reference("Pod", "shop", "alone")


def test_an_operator_that_owns_a_deployment_is_no_workload() -> None:
    owners = (*OWNERS, Reference("Shop", "shop", "all"))
    assert Pod("shop", "web-1-x", LABELS, owners=owners).workload == OWNERS[1]


def test_a_service_reaches_a_port_by_number_or_by_name() -> None:
    one = Pod("shop", "web", LABELS, ports=(NamedPort("http", "TCP", 8080),))
    assert one.target(ServicePort("", "TCP", 80, 9090)) == 9090
    assert one.target(ServicePort("", "TCP", 80, "http")) == 8080
    assert one.target(ServicePort("", "UDP", 80, "http")) == 0


def test_one_pod_of_each_workload_and_set_of_labels() -> None:
    """Pods without owners are workloads of their own, also those of one name."""
    other = dict(LABELS)
    pods = [
        Pod("shop", "web-1-x", LABELS, owners=OWNERS),
        Pod("shop", "web-1-y", LABELS, owners=OWNERS),
        Pod("shop", "web-1-z", other, owners=OWNERS),
        *(Pod(space, name, LABELS) for space in ("shop", "bank") for name in ("a", "b")),
    ]
    found = [(one.namespace, one.name) for one in distinct(pods)]
    assert found == [
        ("shop", "web-1-y"),
        ("shop", "web-1-z"),
        *(("shop", "a"), ("shop", "b"), ("bank", "a"), ("bank", "b")),
    ]
