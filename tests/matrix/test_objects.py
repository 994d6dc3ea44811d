"""Which ports objects declare, and whose they are."""

from __future__ import annotations

import pytest
from polars.testing import assert_frame_equal

from matrix.objects import Objects
from pipeline.kube.api import objects
from pipeline.kube.index.index import Index
from simulate.reference import reference
from tests.support.shop import HTTP, NODE, Manifest, owner, pod, service, slice_


def declared(*manifests: Manifest) -> set[tuple[str, str, int]]:
    rows = Objects.of(manifests).declared
    return {
        (f"{kind} {name or address}", protocol, port)
        for kind, _, name, address, protocol, port in rows.iter_rows()
    }


def test_a_pod_on_the_host_network_is_its_node() -> None:
    one = pod("a", "10.0.0.1", [HTTP], spec={"hostNetwork": True})
    found = [NODE, one, service({"app": "web"}, {"port": 80, "targetPort": "http"})]
    assert ("Node n1", "TCP", 8080) in declared(*found)


def test_an_owner_above_may_be_named() -> None:
    """Job and CronJob: a pipeline climbs, or does not. The port is declared for both."""
    job = {
        "kind": "Job",
        "metadata": {
            "name": "j-1",
            "namespace": "shop",
            "ownerReferences": owner("CronJob", "j"),
        },
    }
    one = pod("a", "10.1.0.1", [HTTP], meta={"ownerReferences": owner("Job", "j-1")})
    objects = Objects.of([job, one, service({"app": "web"}, {"port": 80})])
    assert set(objects.backends.select("kind", "workload", "usual", "member").rows()) == {
        ("Job", "j-1", True, 0),
        ("CronJob", "j", False, 0),
    }
    assert declared(job, one) == {("Job j-1", "TCP", 8080), ("CronJob j", "TCP", 8080)}


def test_declared_ports() -> None:
    """Of containers, Services, ports of nodes that lead there, and endpoints."""
    found = declared(
        NODE,
        pod("a", "10.1.0.1", [{"containerPort": 53, "protocol": "UDP", "hostPort": 5300}]),
        pod("b", "10.1.0.2", [HTTP], phase="Failed"),
        service({}, {"port": 80, "nodePort": 30_080}),
        slice_("web-1", ["192.0.2.1"], {"port": 8443}),
    )
    assert found == {
        ("Pod a", "UDP", 53),
        ("Node n1", "UDP", 5300),
        ("Service web", "TCP", 80),
        ("Node n1", "TCP", 30_080),
        (" 192.0.2.1", "TCP", 8443),
    }


def test_nothing() -> None:
    """Without objects nothing is declared."""
    objects = Objects.of()
    assert (objects.declared.height, objects.backends.height, objects.services.height) == (0, 0, 0)


def test_objects_of_an_index_are_those_of_its_manifests() -> None:
    """A worker has the index; a file has the manifests."""
    cluster = reference().cluster
    found = [objects.of(one) for one in cluster.manifests]
    slices = [one for one in found if one.kind == "EndpointSlice"]
    index = Index(one for one in found if one.kind != "EndpointSlice")
    ours, theirs = Objects.known(index.dump(), slices), Objects.of(cluster.manifests)
    for name in ("declared", "backends", "node_ports", "probed", "guests"):
        assert_frame_equal(getattr(ours, name), getattr(theirs, name), check_row_order=False)
    assert ours.declared.height
    assert ours.backends.height
    assert_frame_equal(ours.services, theirs.services)


def test_an_object_that_is_not_valid() -> None:
    with pytest.raises(
        ValueError, match=r"^Pod a: field spec\.containers: expected list or nothing, got text$"
    ):
        Objects.of([{"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": "x"}}])


def test_addresses_of_services() -> None:
    one = service({}, {"port": 80}, ip="FD00:0::7")
    assert Objects.of([one]).services.rows() == [("fd00::7", "shop/web")]


def test_ports_of_nodes_that_lead_to_services() -> None:
    ports = {"port": 80, "nodePort": 30_080}, {"port": 81}, {"port": 53, "protocol": "UDP"}
    found = Objects.of([NODE, service({}, *ports)]).node_ports
    assert found.rows() == [("shop", "web", "TCP", 80, None, 30_080)]


def test_ports_of_nodes_that_lead_to_pods() -> None:
    """Not those of pods on the network of the node, which have ended, or have no such port."""
    port = {"containerPort": 8080, "hostPort": 81}
    objects = Objects.of(
        [
            NODE,
            pod("a", "10.1.0.1", [port, HTTP]),
            pod("b", "10.1.0.2", [port], phase="Failed"),
            pod("c", "10.0.0.1", [port], spec={"hostNetwork": True}),
        ]
    )
    assert objects.node_ports.rows() == [("", "n1", "TCP", 81, "n1", 81)]
    behind = objects.backends.select(
        "service_namespace", "service", "service_port", "workload", "port"
    )
    assert behind.rows() == [("", "n1", 81, "a", 8080)]
