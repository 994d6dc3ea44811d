"""ClusterNetworkPolicy: what is accepted, then a denial; lists of at most 25 items."""

from __future__ import annotations

from itertools import product
from typing import Any

from policy.generate.draft import Block, Draft, Peer, PeerKind, Port, Rule
from policy.generate.kinds import cluster_network_policy
from policy.generate.kinds.cluster_network_policy import Names
from policy.networkpolicy import Direction
from policy.selectors import LabelSelector

NEAR = Peer(PeerKind.PODS, "near", "shop", LabelSelector({"app": "db"}))
NODE = Peer(PeerKind.NODE, "Node one", blocks=(Block("10.0.0.1/32"),))
NET = Peer(PeerKind.NETWORK, "net", blocks=(Block("198.51.100.0/24", ("198.51.100.128/25",)),))
PORTS = (Port("TCP", 80),)
WEB = LabelSelector({"app": "web"})


def pods(**labels: str) -> dict[str, Any]:
    named = {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}
    return {"pods": {"namespaceSelector": named, "podSelector": {"matchLabels": labels}}}


def test_what_is_accepted_and_then_a_denial() -> None:
    rule = Rule((NEAR, NODE, NET), PORTS, ())
    one = Draft("shop", "web", None, WEB, {Direction.INGRESS: (rule,), Direction.EGRESS: (rule,)})
    accepts, denies = cluster_network_policy.manifests(one)
    protocols = [{"tcp": {"destinationPort": {"number": 80}}}]
    networks = {"networks": ["10.0.0.1/32", "198.51.100.0/25"]}
    assert accepts == {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "shop.web.allow-1"},
        "spec": {
            "tier": "Baseline",
            "priority": 100,
            "subject": pods(app="web"),
            "ingress": [{"action": "Accept", "from": [pods(app="db")], "protocols": protocols}],
            "egress": [
                {"action": "Accept", "to": [pods(app="db"), networks], "protocols": protocols}
            ],
        },
    }
    assert denies["metadata"] == {"name": "shop.web.deny"}
    assert denies["spec"] == {
        "tier": "Baseline",
        "priority": 200,
        "subject": pods(app="web"),
        "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
        "egress": [
            {
                "action": "Deny",
                "to": [{"namespaces": {}}, {"networks": ["0.0.0.0/0", "::/0"]}],
            }
        ],
    }


def test_nodes_by_their_labels() -> None:
    """An address that the status of a node does not have stays a network; ingress has no nodes."""
    listed = NODE._replace(nodes=("one", "two"), unlisted=(Block("10.128.0.2/32"),))
    rule = Rule((NEAR, listed, NODE), PORTS, ())
    one = Draft("shop", "web", None, WEB, {Direction.INGRESS: (rule,), Direction.EGRESS: (rule,)})
    accepts, denies = cluster_network_policy.manifests(one, Names(nodes=True))
    wanted = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["one", "two"]}
    assert accepts["spec"]["egress"][0]["to"] == [
        pods(app="db"),
        {"nodes": {"matchExpressions": [wanted]}},
        {"networks": ["10.128.0.2/32", "10.0.0.1/32"]},
    ]
    assert accepts["spec"]["ingress"][0]["from"] == [pods(app="db")]
    assert denies == list(cluster_network_policy.manifests(one))[-1]


def test_labels_by_domain_names() -> None:
    """A label without a name stays networks; ingress has no names."""
    s3 = NET._replace(label="EXT:S3")
    rule = Rule((s3, NODE), PORTS, ())
    names = Names(domains={"EXT:S3": ["*.s3.example.com", "b.example.com"], "other": ["c.d"]})
    one = Draft("shop", "web", None, WEB, {Direction.INGRESS: (rule,), Direction.EGRESS: (rule,)})
    accepts, _ = cluster_network_policy.manifests(one, names)
    assert accepts["spec"]["egress"][0]["to"] == [
        {"domainNames": ["*.s3.example.com", "b.example.com"]},
        {"networks": ["10.0.0.1/32"]},
    ]
    assert "ingress" not in accepts["spec"]


def test_long_lists_go_on_in_further_rules_and_objects() -> None:
    """60 peers at 30 ports, in 30 rules: no list is longer than 25, and nothing is lost."""
    peers = tuple(NEAR._replace(selector=LabelSelector({"app": f"db-{n}"})) for n in range(60))
    rules = tuple(
        Rule(peers, tuple(Port("TCP", 100 * n + k) for k in range(30)), ()) for n in range(30)
    )
    one = Draft("shop", "web", None, WEB, {Direction.EGRESS: rules})
    *accepts, _ = cluster_network_policy.manifests(one)
    assert len({each["metadata"]["name"] for each in accepts}) == len(accepts)
    found: list[tuple[str, int]] = []
    for each in accepts:
        assert len(each["spec"]["egress"]) <= 25
        for rule in each["spec"]["egress"]:
            assert max(len(rule["to"]), len(rule["protocols"])) <= 25
            names = [peer["pods"]["podSelector"]["matchLabels"]["app"] for peer in rule["to"]]
            ports = [each["tcp"]["destinationPort"]["number"] for each in rule["protocols"]]
            found += product(names, ports)
    assert len(found) == 60 * 30 * 30
    assert len(set(found)) == len(found)
