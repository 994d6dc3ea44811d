"""NetworkPolicy, and Calico's staged one."""

from __future__ import annotations

from policy.generate.draft import Block, Draft, Peer, PeerKind, Port, Rule
from policy.generate.kinds import network_policy
from policy.networkpolicy import Direction
from policy.selectors import LabelSelector

WEB = LabelSelector({"app": "web"})
NEAR = Peer(PeerKind.PODS, "near", "shop", LabelSelector({"app": "db"}))
FAR = Peer(PeerKind.PODS, "far", "other", LabelSelector({"app": "far"}))
NET = Peer(PeerKind.NETWORK, "net", blocks=(Block("198.51.100.0/24", ("198.51.100.128/25",)),))
PORTS = (Port("TCP", 80), Port("UDP", 53))


def draft(*rules: Rule) -> Draft:
    sides = {Direction.INGRESS: (), Direction.EGRESS: rules}
    return Draft("shop", "web", None, WEB, sides)


def test_a_policy_as_the_api_has_it() -> None:
    """A namespace is selected by its name, beside the pods; an empty list is left out."""
    (found,) = network_policy.manifests(draft(Rule((NEAR, FAR, NET), PORTS, ())))
    assert found == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [
                {
                    "to": [
                        {"podSelector": {"matchLabels": {"app": "db"}}},
                        {
                            "podSelector": {"matchLabels": {"app": "far"}},
                            "namespaceSelector": {
                                "matchLabels": {"kubernetes.io/metadata.name": "other"}
                            },
                        },
                        {
                            "ipBlock": {
                                "cidr": "198.51.100.0/24",
                                "except": ["198.51.100.128/25"],
                            }
                        },
                    ],
                    "ports": [{"protocol": "TCP", "port": 80}, {"protocol": "UDP", "port": 53}],
                }
            ],
        },
    }


def test_a_direction_that_is_open_is_not_a_type() -> None:
    one = Draft("shop", "web", None, WEB, {Direction.INGRESS: (Rule((NEAR,), PORTS, ()),)})
    (found,) = network_policy.manifests(one)
    assert found["spec"]["policyTypes"] == ["Ingress"]
    assert "egress" not in found["spec"]


def test_calicos_staged_policy_has_the_same_spec() -> None:
    one = draft(Rule((NEAR,), PORTS, ()))
    (staged,), (plain,) = network_policy.staged(one), network_policy.manifests(one)
    assert staged["spec"] == plain["spec"]
    assert (staged["apiVersion"], staged["kind"]) == (
        "projectcalico.org/v3",
        "StagedKubernetesNetworkPolicy",
    )
