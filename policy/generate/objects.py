"""Drafts as objects of Kubernetes, with what each rule is for in the annotations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial

from policy.generate.draft import Draft, PeerKind, Rule
from policy.generate.kinds import cilium, cluster_network_policy, network_policy
from policy.generate.kinds.cluster_network_policy import Names
from policy.generate.report import Finding, Report, Topic
from policy.networkpolicy import Direction
from policy.objects import Manifest

_MOST_EDGES = 100
"""Edges that an annotation lists; more of them are only counted, for annotations are limited."""
_NODES = "nodes that were seen: one that is added later is not in this rule"


class Kind(StrEnum):
    """The kinds of objects that policies are written as."""

    NETWORK_POLICY = "networkpolicy"
    CALICO_STAGED = "calico-staged"
    CILIUM = "cilium"
    CLUSTER = "cluster"
    CLUSTER_NODES = "cluster-nodes"


Domains = Mapping[str, Sequence[str]]
"""Domain names by subnet label."""

_FORMS: dict[Kind, Callable[[Draft], Iterator[Manifest]]] = {
    Kind.NETWORK_POLICY: network_policy.manifests,
    Kind.CALICO_STAGED: network_policy.staged,
    Kind.CILIUM: cilium.manifests,
    Kind.CLUSTER: cluster_network_policy.manifests,
}


def manifests(
    drafts: Iterable[Draft], kind: Kind, report: Report, domains: Domains | None = None
) -> Iterator[Manifest]:
    """The objects of the drafts, in their order; CLUSTER_NODES names labels by `domains`."""
    named = partial(cluster_network_policy.manifests, names=Names(True, domains or {}))
    form = named if kind is Kind.CLUSTER_NODES else _FORMS[kind]
    for draft in drafts:
        noted = dict(_annotations(draft, report))
        for one in form(draft):
            one["metadata"] |= {
                "labels": {"app.kubernetes.io/managed-by": "flowmatrix"},
                "annotations": noted,
            }
            yield one


def added(drafts: Iterable[Draft], kind: Kind, domains: Domains | None = None) -> Iterator[Finding]:
    """What a kind allows beyond a NetworkPolicy, as findings for the report."""
    for draft in drafts:
        for direction, rules in draft.rules.items():
            subject = f"{draft.namespace}/{draft.name}, {direction}"
            for message in _wider(kind, direction, rules):
                yield Finding(Topic.WIDER, draft.namespace, subject, message)
            if kind is Kind.CLUSTER_NODES and direction is Direction.EGRESS:
                labels = {peer.label for rule in rules for peer in rule.peers} & set(domains or ())
                for label in sorted(labels):
                    names = ", ".join(sorted((domains or {})[label]))
                    message = f"label {label}: all addresses that {names} may resolve to"
                    yield Finding(Topic.WIDER, draft.namespace, subject, message)


def _wider(kind: Kind, direction: Direction, rules: Iterable[Rule]) -> Iterator[str]:
    peers = [peer for rule in rules for peer in rule.peers]
    if kind is Kind.CILIUM and any(peer.is_api_server for peer in peers):
        yield "the entity kube-apiserver is every API server"
    if kind is Kind.CILIUM and any(cilium.is_node(peer) for peer in peers):
        yield "the entities host and remote-node are every node"
    if kind is Kind.CLUSTER_NODES and direction is Direction.EGRESS:
        names = sorted({name for peer in peers for name in peer.nodes})
        if names:
            yield f"all addresses of the nodes {', '.join(names)}, those that were not seen too"
    if kind in {Kind.CLUSTER, Kind.CLUSTER_NODES} and direction is Direction.INGRESS:
        yield "what comes from nodes and from outside the cluster is not decided by this kind"


def _annotations(draft: Draft, report: Report) -> Iterator[tuple[str, str]]:
    yield "flowmatrix/for", str(draft.workload or f"all pods of {draft.namespace}")
    yield "flowmatrix/window", "/".join(report.window)
    yield "flowmatrix/subnet-labels", report.labels
    for direction, rules in draft.rules.items():
        for number, rule in enumerate(rules):
            yield f"flowmatrix/{direction.value.lower()}-{number}", "\n".join(_lines(rule))


def _lines(rule: Rule) -> Iterator[str]:
    if rule.is_declared:
        yield "declared, not observed"
    yield from rule.edges[:_MOST_EDGES]
    if rule.edges[_MOST_EDGES:]:
        yield f"and {len(rule.edges) - _MOST_EDGES} more"
    if any(peer.kind is PeerKind.NODE for peer in rule.peers):
        yield _NODES
