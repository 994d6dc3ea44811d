from __future__ import annotations

from typing import Any

from pipeline.kube.api import objects
from pipeline.kube.frr import KIND, advertised


def configuration(name: str, *routers: Any, namespace: str = "frr") -> Any:
    metadata = {"name": name, "namespace": namespace}
    return objects.of({"kind": KIND, "metadata": metadata, "spec": {"bgp": {"routers": routers}}})


def told(*found: Any) -> list[tuple[str, str]]:
    return [(str(network), asn) for network, asn in advertised(found)]


def test_prefixes_of_a_router_and_what_its_neighbours_are_told() -> None:
    """What neighbours send, and their own AS numbers, play no part."""
    neighbour = {
        "asn": 65000,
        "toAdvertise": {"allowed": {"prefixes": ["10.2.0.0/16"]}},
        "toReceive": {"allowed": {"prefixes": [{"prefix": "10.9.0.0/16"}]}},
    }
    router = {"asn": 64512, "prefixes": ["10.1.0.0/16", "fd00::/8"], "neighbors": [neighbour]}
    assert told(configuration("a", router)) == [
        ("10.1.0.0/16", "64512"),
        ("fd00::/8", "64512"),
        ("10.2.0.0/16", "64512"),
    ]


def test_objects_are_taken_by_namespace_and_name() -> None:
    one = {"asn": 1, "prefixes": ["10.0.0.0/8"]}
    two = {"asn": 2, "prefixes": ["10.0.0.0/8"]}
    found = told(configuration("a", one, namespace="z"), configuration("b", two, namespace="y"))
    assert [asn for _, asn in found] == ["2", "1"]


def test_what_has_another_shape_is_left_out() -> None:
    odd = [
        {"prefixes": ["10.0.0.0/8"]},
        {"asn": "x", "prefixes": ["10.0.0.0/8"]},
        {"asn": 3, "prefixes": ["nonsense", 7, "10.3.0.0/16"], "neighbors": {"a": 1}},
        "router",
        {"asn": 4, "neighbors": [None, {"toAdvertise": {"allowed": {"mode": "all"}}}]},
    ]
    assert told(configuration("a", *odd)) == [("10.3.0.0/16", "3")]
    assert told(objects.of({"kind": KIND, "metadata": {"name": "x"}, "spec": {"bgp": 3}})) == []
    assert told(objects.of({"kind": "Pod", "metadata": {"name": "x"}})) == []
