"""Objects of each kind, and what their annotations say."""

from __future__ import annotations

import pytest

from policy.generate.draft import Block, Draft, Peer, PeerKind, Port, Rule
from policy.generate.objects import Kind, added, manifests
from policy.generate.report import Report
from policy.networkpolicy import Direction
from policy.parts import Reference
from policy.selectors import LabelSelector

REPORT = Report(
    ["shop"], ("2025-10-28T10:00:00Z", "2025-10-28T10:05:00Z"), "sha256:0123 (3)", 2, 2, [], []
)
NODE = Peer(PeerKind.NODE, "Node one", blocks=(Block("10.0.0.1/32"),))
RULE = Rule((NODE,), (Port("TCP", 80),), ("a -> b TCP 80", "c -> b TCP 80"))


def draft(*rules: Rule) -> Draft:
    web = Reference("Deployment", "shop", "web")
    return Draft("shop", "web", web, LabelSelector({"app": "web"}), {Direction.INGRESS: rules})


@pytest.mark.parametrize("kind", list(Kind))
def test_each_rule_says_which_edges_it_is_for(kind: Kind) -> None:
    """And when they were seen, with which subnet labels; nodes by address are marked."""
    declared = RULE._replace(is_declared=True, peers=(), edges=("names asked",))
    for one in manifests([draft(RULE, declared)], kind, REPORT):
        assert one["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "flowmatrix"}
        assert one["metadata"]["annotations"] == {
            "flowmatrix/for": "Deployment shop/web",
            "flowmatrix/window": "2025-10-28T10:00:00Z/2025-10-28T10:05:00Z",
            "flowmatrix/subnet-labels": "sha256:0123 (3)",
            "flowmatrix/ingress-0": "a -> b TCP 80\nc -> b TCP 80\nnodes that were seen: "
            "one that is added later is not in this rule",
            "flowmatrix/ingress-1": "declared, not observed\nnames asked",
        }


def test_an_annotation_has_an_end() -> None:
    """All annotations of an object may have 256 KiB."""
    many = RULE._replace(peers=(), edges=tuple(f"edge {n}" for n in range(1000)))
    (one,) = manifests([draft(many)], Kind.NETWORK_POLICY, REPORT)
    lines = one["metadata"]["annotations"]["flowmatrix/ingress-0"].splitlines()
    assert lines[-2:] == ["edge 99", "and 900 more"]


def test_a_policy_of_all_pods_says_so() -> None:
    one = draft()._replace(workload=None)
    (found,) = manifests([one], Kind.NETWORK_POLICY, REPORT)
    assert found["metadata"]["annotations"]["flowmatrix/for"] == "all pods of shop"


def test_what_a_kind_adds_is_told() -> None:
    """Entities are wider than addresses; a ClusterNetworkPolicy has no ingress of nodes."""
    api = NODE._replace(is_api_server=True)
    one = draft(RULE._replace(peers=(NODE, api)))
    undecided = "what comes from nodes and from outside the cluster is not decided by this kind"
    told = {kind: [finding.message for finding in added([one], kind)] for kind in Kind}
    assert told == {
        Kind.NETWORK_POLICY: [],
        Kind.CALICO_STAGED: [],
        Kind.CILIUM: [
            "the entity kube-apiserver is every API server",
            "the entities host and remote-node are every node",
        ],
        Kind.CLUSTER: [undecided],
        Kind.CLUSTER_NODES: [undecided],
    }
    egress = one._replace(rules={Direction.EGRESS: (Rule((NODE._replace(nodes=("a",)),), (), ()),)})
    assert [finding.message for finding in added([egress], Kind.CLUSTER_NODES)] == [
        "all addresses of the nodes a, those that were not seen too"
    ]
