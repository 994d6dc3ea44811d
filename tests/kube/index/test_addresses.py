"""Whose an address is: host networks, pods that ended, and every form that addresses have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.kube.api import objects
from pipeline.kube.explain import explain
from pipeline.kube.index import keys
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.index import Index
from pipeline.kube.index.kept import NOTHING, kept
from pipeline.kube.index.keys import Secondary
from pipeline.kube.index.owners import Climb

SECOND = 1000
NODE_IPS = ("192.168.10.5", "fd00:10:20::5")


def node(*ips: str, name: str = "n1", created: str = "2024-03-02T00:00:00Z") -> dict[str, Any]:
    metadata = {"name": name, "creationTimestamp": created}
    return {
        "kind": "Node",
        "metadata": metadata,
        "status": {"addresses": [{"address": ip} for ip in ips]},
    }


def pod(name: str, *ips: str, spec: object = None, **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "creationTimestamp": "2024-03-01T00:00:00Z"}
    metadata |= status.pop("metadata", {})
    addresses = {"podIP": ips[0] if ips else None, "podIPs": [{"ip": ip} for ip in ips]}
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec or {},
        "status": {"phase": "Running", **addresses, **status},
    }


def service(*ips: str, created: str = "2024-03-02T00:00:00Z") -> dict[str, Any]:
    metadata = {"name": "svc", "namespace": "shop", "creationTimestamp": created}
    return {"kind": "Service", "metadata": metadata, "spec": {"clusterIPs": list(ips)}}


def named(index: Index, address: str, **more: Any) -> str:
    found = index.lookup(address, Climb(), **more)
    return found.name if found else ""


@pytest.mark.parametrize(
    "told",
    [
        {"spec": {"hostNetwork": True}, "hostIP": NODE_IPS[0]},
        {"spec": {"hostNetwork": True}},
        {"hostIP": NODE_IPS[0], "hostIPs": [{"ip": ip} for ip in NODE_IPS]},
        {"hostIP": NODE_IPS[0], "hostIPs": [{"ip": "FD00:10:20:0::0005"}]},
    ],
    ids=["flag", "flag alone", "hostIPs", "hostIPs in another form"],
)
@pytest.mark.parametrize("with_node", [True, False])
def test_a_pod_on_the_host_network_is_its_node_by_both_addresses(
    told: dict[str, Any], *, with_node: bool
) -> None:
    """Without the node nobody has its addresses."""
    found = Index(options=IndexOptions())
    found.add(objects.of(pod("agent", *NODE_IPS, **told)))
    if with_node:
        found.add(objects.of(node(*NODE_IPS)))
    assert [named(found, ip) for ip in NODE_IPS] == ["n1" if with_node else ""] * 2


def test_a_pod_of_its_own_network_keeps_both_addresses() -> None:
    """`hostIPs` names the node's addresses for every pod."""
    hosts = {"hostIP": NODE_IPS[0], "hostIPs": [{"ip": ip} for ip in NODE_IPS]}
    found = Index(map(objects.of, [pod("web", "10.244.1.7", "fd00:244::7", **hosts)]))
    assert [named(found, ip) for ip in ("10.244.1.7", "fd00:244::7")] == ["web", "web"]


ENDED = [
    pod("gone", "10.1.2.3", phase="Succeeded"),
    pod("gone", "10.1.2.3", phase="Failed", reason="Evicted"),
    pod("gone", "10.1.2.3", metadata={"deletionTimestamp": "2024-03-01T00:01:00Z"}),
]
LIVING = [node("10.1.2.3"), service("10.1.2.3"), pod("other", "10.1.2.3")]


@pytest.mark.parametrize("ended", ENDED, ids=["succeeded", "failed", "deleted"])
@pytest.mark.parametrize("living", LIVING, ids=["Node", "Service", "Pod"])
@pytest.mark.parametrize("ended_first", [True, False])
def test_what_lives_hides_what_has_ended(
    ended: dict[str, Any], living: dict[str, Any], *, ended_first: bool
) -> None:
    """Of any kind, in any order; alone, the pod that ended is still the one that had it."""
    order = [ended, living] if ended_first else [living, ended]
    found = Index(map(objects.of, order))
    assert named(found, "10.1.2.3") == living["metadata"]["name"]
    assert named(Index([objects.of(ended)]), "10.1.2.3") == "gone"


def test_a_living_pod_still_hides_its_node_and_services() -> None:
    """Among living objects pods come first, as before."""
    found = Index(map(objects.of, [node("10.1.2.3"), service("10.1.2.3"), pod("web", "10.1.2.3")]))
    assert named(found, "10.1.2.3") == "web"


def test_who_explains_that_a_pod_has_ended() -> None:
    """`who` names the pod that had the address, and says that it has ended."""
    old = node("10.1.2.3", created="2023-01-01T00:00:00Z")
    said = dict(explain(Index(map(objects.of, [old, ENDED[0]])), "10.1.2.3", Climb(), None))
    assert said["object"] == "Node n1"
    assert said["hidden"] == "Pod shop/gone had it too, and has ended: what lives comes first"


def test_an_address_passes_from_a_pod_that_ended_to_a_node_that_came_after_it() -> None:
    """Flows from before the node came belong to the pod."""
    found = Index(map(objects.of, [ENDED[0], node("10.1.2.3")]))
    before, after = 1709300000000, 1709400000000  # 2024-03-01T13:33, 2024-03-02T17:20
    assert named(found, "10.1.2.3", at=before) == "gone"
    assert named(found, "10.1.2.3", at=after) == "n1"


def test_a_node_older_than_the_pod_that_ended_had_the_address_all_along() -> None:
    """A pod whose end is unknown takes nothing from an older node."""
    old = node("10.1.2.3", created="2023-01-01T00:00:00Z")
    found = Index(map(objects.of, [ENDED[0], old]), IndexOptions(window=300.0))
    assert named(found, "10.1.2.3", at=1709300000000) == "n1"
    found.put(("Pod", "shop", "gone"), NOTHING, 1709400000000)
    assert named(found, "10.1.2.3", at=1709300000000) == "n1", "also when the pod is deleted"


def test_a_pod_that_ended_while_watched_had_its_address_until_then() -> None:
    """Deleting the ended pod later does not lengthen its time."""
    index = Index(options=IndexOptions(window=300.0))
    start, end = 1709300000 * SECOND, 1709300050 * SECOND
    running, ended = pod("job", "10.1.2.3"), pod("job", "10.1.2.3", phase="Succeeded")
    key = ("Pod", "shop", "job")
    index.put(key, kept(objects.of(running), index.options), start)
    last = kept(objects.of(ended), index.options)
    assert last.entry
    last.entry.until = end
    index.put(key, last, end)
    young = kept(objects.of(node("10.1.2.3", created="2024-03-01T13:34:30Z")), index.options)
    index.put(("Node", "", "n1"), young, end + 20 * SECOND)
    index.put(key, NOTHING, end + 60 * SECOND)
    assert named(index, "10.1.2.3", at=end - SECOND) == "job"
    assert named(index, "10.1.2.3", at=end + 30 * SECOND) == "n1"


SIX = "fd00:10::a7"
FORMS = [
    "fd00:10::a7",
    "fd00:10:0:0:0:0:0:a7",
    "fd00:0010:0000:0000:0000:0000:0000:00a7",
    "FD00:10::A7",
    "fd00:10::0.0.0.167",
    "fd00:10::a7%eth0",
]
FOUR = "10.244.0.9"
FORMS_OF_FOUR = ["10.244.0.9", "::ffff:10.244.0.9", "::FFFF:0af4:0009", "0:0:0:0:0:ffff:af4:9"]
PAIRS = [
    *((form, SIX, FORMS) for form in FORMS),
    *((f, FOUR, FORMS_OF_FOUR) for f in FORMS_OF_FOUR),
]
MAKERS = {"pod": lambda ip: pod("one", ip), "node": node, "service": service}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(("written", "canonical", "asked"), PAIRS)
def test_every_form_of_an_address_is_found_by_every_other(
    kind: str, written: str, canonical: str, asked: list[str]
) -> None:
    """However the object writes its address, and however it is asked for."""
    found = Index([objects.of(MAKERS[kind](written))])
    assert {named(found, form) for form in (canonical, *asked)} == {named(found, canonical)} != {""}
    said = dict(explain(found, asked[1], Climb(), None))
    assert not said["object"].startswith("none")


def test_leading_zeros_are_decimal_in_the_api_and_nothing_in_a_flow() -> None:
    """The API server reads 010 as ten; elsewhere it may be eight, so a flow's is not guessed."""
    found = Index([objects.of(service("172.030.099.011"))])
    assert named(found, "172.30.99.11") == "svc"
    assert named(found, "172.030.099.011") == ""


def test_a_text_that_is_not_an_address_is_nobodys() -> None:
    """Nothing is found by a text that is not an address, also if an object has it."""
    found = Index(map(objects.of, [pod("p", "pending"), node("n1", ""), service("None", "")]))
    assert [named(found, text) for text in ("pending", "n1", "", "None")] == [""] * 4


@pytest.mark.parametrize("form", [f for f in FORMS if "%" not in f])
def test_secondary_networks_by_any_form(form: str) -> None:
    """Attachments and user-defined networks; the annotations may give a prefix length."""
    options = IndexOptions(secondary=(Secondary(ip=True), Secondary(udn=True)))
    attached = [{"name": "vms/l2", "interface": "net1", "ips": [f"{form}/64"]}]
    networks = {"shop/blue": {"ip_addresses": ["10.2.0.7/24", f"{form}/64"]}}
    for name, value in ((keys.NETWORK_STATUS, attached), (keys.POD_NETWORKS, networks)):
        one = pod("vm", "10.1.1.1", metadata={"annotations": {name: json.dumps(value)}})
        found = Index([objects.of(one)], options)
        assert {named(found, other, udns=["shop/blue"]) for other in FORMS} == {"vm"}


def test_the_node_of_a_pod_is_found_by_any_form_of_its_address() -> None:
    """Pod and node may write the node's address in different forms."""
    zoned = node("fd00:1:0:0:0:0:0:1")
    zoned["metadata"]["labels"] = {"topology.kubernetes.io/zone": "z1"}
    found = Index(map(objects.of, [zoned, pod("p", "10.1.1.1", hostIP="FD00:1::1")]))
    peer = found.lookup("10.1.1.1", Climb())
    assert peer
    assert (peer.host_name, peer.host_ip, peer.zone) == ("n1", "fd00:1::1", "z1")
