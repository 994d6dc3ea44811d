"""CiliumNetworkPolicy: a rule for each sort of peer, entities for nodes and the API server."""

from __future__ import annotations

from policy.generate.draft import Block, Draft, Peer, PeerKind, Port, Rule
from policy.generate.kinds import cilium
from policy.networkpolicy import Direction
from policy.selectors import LabelSelector

NEAR = Peer(PeerKind.PODS, "near", "shop", LabelSelector({"app": "db"}))
FAR = Peer(PeerKind.PODS, "far", "other", LabelSelector({"app": "far"}))
NODE = Peer(PeerKind.NODE, "Node one", blocks=(Block("10.0.0.1/32"),))
NET = Peer(PeerKind.NETWORK, "net", blocks=(Block("198.51.100.0/24", ("198.51.100.7/32",)),))
PORTS = (Port("TCP", 80),)


def test_every_sort_of_peer_has_a_rule_of_its_own() -> None:
    api = NODE._replace(is_api_server=True)
    rule = Rule((NEAR, FAR, NODE, NET, api), PORTS, ())
    one = Draft("shop", "web", None, LabelSelector({"app": "web"}), {Direction.EGRESS: (rule,)})
    (found,) = cilium.manifests(one)
    to_ports = [{"ports": [{"port": "80", "protocol": "TCP"}]}]
    assert found == {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "endpointSelector": {"matchLabels": {"app": "web"}},
            "egress": [
                {
                    "toEndpoints": [
                        {"matchLabels": {"app": "db"}},
                        {
                            "matchLabels": {
                                "k8s:io.kubernetes.pod.namespace": "other",
                                "app": "far",
                            }
                        },
                    ],
                    "toPorts": to_ports,
                },
                {
                    "toEntities": ["host", "remote-node", "kube-apiserver"],
                    "toPorts": to_ports,
                },
                {
                    "toCIDRSet": [{"cidr": "198.51.100.0/24", "except": ["198.51.100.7/32"]}],
                    "toPorts": to_ports,
                },
            ],
        },
    }


def test_a_direction_without_rules_is_denied_by_an_empty_one() -> None:
    one = Draft("shop", "deny", None, LabelSelector(), {Direction.INGRESS: ()})
    (found,) = cilium.manifests(one)
    assert found["spec"] == {"endpointSelector": {}, "ingress": [{}]}
