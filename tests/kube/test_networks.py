"""Secondary and user-defined networks on a real API server, as pods and networks change."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from pipeline.kube.api.access import Access
from pipeline.kube.index import keys
from pipeline.kube.index.keys import Secondary
from pipeline.stage import BuildContext, BuiltStage
from pipeline.stage.resources import ResourcePool
from stages.kubernetes import Kubernetes
from tests.kube.live import Client, pod, until
from tests.kube.watching import CLIMB, fresh, measured, watching
from tests.real.apiserver import ApiServer
from tests.real.cluster import (
    annotate,
    apply,
    delete,
    eventually,
    kubeconfig,
    lenient,
    path,
    present,
    served,
)

GROUP, VERSION = "k8s.ovn.org", "v1"
UDN, CUDN = "UserDefinedNetwork", "ClusterUserDefinedNetwork"
DEFINITIONS = (lenient(GROUP, VERSION, UDN, namespaced=True), lenient(GROUP, VERSION, CUDN))
ADDRESS = "10.200.0.7"
MAC = "02:AA:00:00:00:01"
FLOW = {"SrcAddr": pl.String, "SrcMac": pl.String, "TimeFlowEndMs": pl.Int64}
LISTS = {"Interfaces": pl.List(pl.String), "Udns": pl.List(pl.String)}
Who = Callable[..., tuple[str | None, str | None]]


@pytest.fixture
def enriching(kube_server: ApiServer, space: str, tmp_path: Path) -> Iterator[Callable[..., Who]]:
    """Begins to follow the namespace; then tells name and network of the source of a flow."""
    kubeconfig(kube_server, tmp_path)
    with closing(ResourcePool()) as resources:

        def begin(*indexed: Secondary, window: str = "5m") -> Who:
            stage = Kubernetes(
                name="k8s",
                cluster=Access(kubeconfig="kubeconfig"),
                namespaces=[space],
                secondary_networks=list(indexed),
                window=window,
                wait="60s",
            )
            assert list(stage.check(tmp_path)) == []
            step = stage.build(BuildContext(folder=tmp_path), resources)

            def who(address: str = "1.2.3.4", *, at: int = 0, **more: Any) -> Any:
                refresh(step)
                flow = {"SrcAddr": address, "TimeFlowEndMs": at or now(), **more}
                found = step(pl.DataFrame([flow], schema={**FLOW, **LISTS}))
                return found.select("SrcK8S_Name", "SrcK8S_NetworkName").row(0)

            return who

        yield begin


def now() -> int:
    return round(time.time() * 1000)


def attached(*more: dict[str, Any]) -> dict[str, str]:
    """The annotation of multus: the usual network, then others."""
    usual = {"name": "ovn-kubernetes", "interface": "eth0", "default": True}
    return {keys.NETWORK_STATUS: json.dumps([usual, *more])}


def inside(network: str) -> dict[str, str]:
    """The annotation of OVN of a pod that has ADDRESS in a network."""
    networks = {
        "default": {"ip_address": "10.128.0.9/23"},
        network: {"ip_address": f"{ADDRESS}/16"},
    }
    return {keys.POD_NETWORKS: json.dumps(networks)}


NET1 = {"name": "vms/l2", "interface": "net1", "ips": ["192.168.9.1", "fd05::1"], "mac": MAC}
BY_MAC, BY_INTERFACE = Secondary(mac=True), Secondary(interface=True)
BY_ALL = Secondary(mac=True, ip=True, interface=True)
ALL = {"address": "fd05::1", "SrcMac": MAC.lower(), "Interfaces": ["eth9", "net1"]}


class By(NamedTuple):
    """What is indexed of an attachment, a flow that is its, and one that is another's."""

    indexed: Secondary
    flow: dict[str, Any]
    other: dict[str, Any]


@pytest.mark.parametrize(
    "by",
    [
        By(BY_MAC, {"SrcMac": MAC.lower()}, {"SrcMac": "02:aa:00:00:00:02"}),
        By(Secondary(ip=True), {"address": "192.168.9.1"}, {"address": "192.168.9.2"}),
        By(BY_INTERFACE, {"Interfaces": ["eth9", "net1"]}, {"Interfaces": ["eth0"]}),
        By(BY_ALL, ALL, {**ALL, "SrcMac": "02:aa:00:00:00:02"}),
    ],
    ids=["mac", "ip", "interface", "all"],
)
def test_an_attachment_comes_moves_and_goes(
    kube_server: ApiServer, space: str, enriching: Callable[..., Who], by: By
) -> None:
    """By every part of a key, with who had it then."""
    flow, other = by.flow, by.other
    client = Client(kube_server)
    first, second = pod("first", "198.18.8.1", space), pod("second", "198.18.8.2", space)
    client.create(first)
    who = enriching(by.indexed, window="8s")
    assert who("198.18.8.1") == ("first", "primary")
    assert who(**flow) == (None, None)
    annotate(kube_server, first, attached(NET1))  # as multus does to a pod that is there
    until(lambda: who(**flow) == ("first", "vms/l2"))
    assert who(**other) == (None, None)
    assert who("198.18.8.1") == ("first", "primary")

    client.create(second)
    until(lambda: who("198.18.8.2") == ("second", "primary"))
    then = now()
    annotate(kube_server, first, attached())
    annotate(kube_server, second, attached(NET1))
    until(lambda: who(**flow) == ("second", "vms/l2"))
    assert who(**flow, at=then) == ("first", "vms/l2")  # who had it then
    client.delete(second)
    until(lambda: who(**flow) == (None, None))
    assert who("198.18.8.1") == ("first", "primary")


def test_the_attachment_of_a_pod_comes_before_its_address(
    kube_server: ApiServer, space: str, enriching: Callable[..., Who]
) -> None:
    """A key finds its pod, also where the address is one of somebody else's."""
    client = Client(kube_server)
    client.create(pod("plain", "198.18.8.3", space))
    two = pod("two", "198.18.8.4", space)
    two["metadata"]["annotations"] = attached({**NET1, "mac": ""}, {**NET1, "interface": "net2"})
    client.create(two)
    who = enriching(BY_MAC, BY_INTERFACE)
    until(lambda: who("198.18.8.4") == ("two", "primary"))
    assert who("198.18.8.3") == ("plain", "primary")
    assert who("198.18.8.3", SrcMac=MAC.lower()) == ("two", "vms/l2")
    assert who("198.18.8.3", Interfaces=["net2"]) == ("two", "vms/l2")
    assert who("198.18.8.3", SrcMac="", Interfaces=["net1"]) == ("two", "vms/l2")


@pytest.fixture
def networks(kube_server: ApiServer) -> Iterator[None]:
    """The server knows user-defined networks, brought by the test."""
    _absent(kube_server)
    with present(kube_server, *DEFINITIONS):
        for one in DEFINITIONS:
            eventually(lambda one=one: served(kube_server, one))  # type: ignore[misc] # mypy cannot infer a lambda with a default
        yield
    for one in DEFINITIONS:
        eventually(lambda one=one: not kube_server.has(path(one)))  # type: ignore[misc] # same


def _absent(server: ApiServer) -> None:
    if any(server.has(path(one)) for one in DEFINITIONS):
        pytest.skip("the server has user-defined networks of its own: more would be made there")


def network(kind: str, name: str, space: str) -> dict[str, Any]:
    where = {"namespace": space} if kind == UDN else {}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "metadata": {"name": name, **where},
        "spec": {},
    }


@pytest.mark.usefixtures("networks")
def test_networks_that_share_addresses(
    kube_server: ApiServer, space: str, enriching: Callable[..., Who]
) -> None:
    """Networks defined after their pods, and no longer: by name, with namespace or without."""
    client, green = Client(kube_server), f"{space}-green"
    for name, label in (("a", f"{space}/blue"), ("b", f"{space}/{green}")):
        one = pod(name, "", space)
        one["metadata"]["annotations"] = inside(label)
        one["status"] = {"phase": "Running", "hostIP": "10.0.0.1"}
        client.create(one)
    who = enriching(Secondary(udn=True))
    until(lambda: who(ADDRESS, Udns=[f"{space}/blue"]) == ("a", f"{space}/blue"))
    assert who(ADDRESS, Udns=["", "default", f"{space}/{green}"]) == ("b", f"{space}/{green}")
    for none in (["blue"], [green], ["default"], []):
        assert who(ADDRESS, Udns=none) == (None, None)

    wide = network(CUDN, green, space)
    with present(kube_server, wide):
        until(lambda: who(ADDRESS, Udns=[green]) == ("b", green))
        assert who(ADDRESS, Udns=[f"{space}/{green}"]) == (None, None)
        assert who(ADDRESS, Udns=[f"{space}/blue"]) == ("a", f"{space}/blue")

        own = network(UDN, green, space)
        apply(kube_server, own)  # the one in the pod's namespace is meant, then
        until(lambda: who(ADDRESS, Udns=[f"{space}/{green}"]) == ("b", f"{space}/{green}"))
        assert who(ADDRESS, Udns=[green]) == (None, None)
        delete(kube_server, own)
        until(lambda: who(ADDRESS, Udns=[green]) == ("b", green))
    until(lambda: who(ADDRESS, Udns=[f"{space}/{green}"]) == ("b", f"{space}/{green}"))
    assert who(ADDRESS, Udns=[green]) == (None, None)


@pytest.mark.usefixtures("networks")
def test_a_pod_joins_a_network_later(
    kube_server: ApiServer, space: str, enriching: Callable[..., Who]
) -> None:
    """Its annotation comes while it runs."""
    client, one = Client(kube_server), pod("late", "198.18.8.5", space)
    client.create(one)
    apply(kube_server, network(UDN, "blue", space))
    who = enriching(Secondary(udn=True))
    until(lambda: who("198.18.8.5") == ("late", "primary"))
    assert who(ADDRESS, Udns=[f"{space}/blue"]) == (None, None)
    annotate(kube_server, one, inside(f"{space}/blue"))
    until(lambda: who(ADDRESS, Udns=[f"{space}/blue"]) == ("late", f"{space}/blue"))
    assert who("198.18.8.5", Udns=[f"{space}/blue"]) == ("late", "primary")


def test_networks_that_a_server_learns_later(
    kube_server: ApiServer, space: str, tmp_path: Path
) -> None:
    """Their definitions come while the watch runs, go, and nothing is amiss meanwhile."""
    _absent(kube_server)
    green = f"{space}-green"
    one = pod("b", "198.18.8.6", space)
    one["metadata"]["annotations"] = inside(f"{space}/{green}")
    Client(kube_server).create(one)
    config, udn = kubeconfig(kube_server, tmp_path), (Secondary(udn=True),)
    with watching(config, namespaces=[space], secondary=udn) as watch:

        def in_network(name: str) -> str:
            found = fresh(watch).index.lookup(ADDRESS, CLIMB, udns=[name])
            return found.network if found else ""

        def known(kind: str) -> float:
            return measured(watch, "kube_objects")[kind,]

        assert in_network(f"{space}/{green}") == f"{space}/{green}"
        assert in_network(green) == ""
        assert (watch.problems(), known(CUDN)) == ([], 0)
        with present(kube_server, *DEFINITIONS):
            eventually(lambda: served(kube_server, DEFINITIONS[1]))
            apply(kube_server, network(CUDN, green, space))
            until(lambda: in_network(green) == green)
            assert (in_network(f"{space}/{green}"), known(CUDN)) == ("", 1)
        until(lambda: in_network(f"{space}/{green}") == f"{space}/{green}")
        assert in_network(green) == ""
        until(lambda: measured(watch, "kube_errors").get((CUDN, "404"), 0) >= 2)
        until(lambda: watch.problems() == [])
        assert known(CUDN) == 0
        until(lambda: not any(map(kube_server.has, map(path, DEFINITIONS))))


def refresh(built: BuiltStage) -> None:
    assert built.refresh
    built.refresh(threading.Event())
