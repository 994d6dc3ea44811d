"""What rules permit, in terms of workloads: for whom, with whom, at which port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import polars as pl

from policy.judge.tables import Tables
from policy.networkpolicy import NetworkPolicy, Peer, Port
from policy.objects import Cluster
from policy.parts import Pod, distinct
from policy.selectors import LabelIndex, LabelSelector

ANYONE, EVERY_POD = "anyone", "every pod"


PERMISSIONS = pl.Schema(
    {
        "number": pl.UInt32(),
        "policy": pl.String(),
        "rule": pl.String(),
        "direction": pl.String(),
        "own": pl.String(),
        "peer": pl.String(),
        "peer_is_workload": pl.Boolean(),
        "protocol": pl.String(),
        "port": pl.String(),
    }
)
"""The columns of permissions: connections that a part (`number`) of a rule permits.

`own` is a workload that the policy selects, `peer` a workload, an ipBlock, EVERY_POD or ANYONE.
`protocol` and `port` are "any" where the rule names none; `port` may be a name or a range.
"""


class Workloads:
    """The workloads of a cluster, found by selectors; pods on the host network are left out."""

    def __init__(self, cluster: Cluster) -> None:
        self._pods: dict[str, list[Pod]] = defaultdict(list)
        for pod in distinct(_selectable(cluster)):
            self._pods[pod.namespace].append(pod)
        self._labels = {
            name: LabelIndex(pod.labels for pod in pods) for name, pods in self._pods.items()
        }
        self._names = list(self._pods)
        self._namespaces = LabelIndex(map(cluster.labels_of_namespace, self._names))

    def selected(self, policy: NetworkPolicy) -> list[str]:
        """The workloads that have a pod which a policy selects, sorted."""
        return self._in(policy.namespace, policy.selector)

    def peers(self, peer: Peer, namespace: str) -> list[str]:
        """The workloads with a pod that a peer matches, sorted; [EVERY_POD] for all there are."""
        pods, names = peer.pod_selector, peer.namespace_selector
        if names is not None and not any(one and one.requirements() for one in (pods, names)):
            return [EVERY_POD]
        there = [namespace]
        if names is not None:
            there = [self._names[number] for number in sorted(self._namespaces.matching(names))]
        return [one for name in there for one in self._in(name, pods or LabelSelector())]

    def every(self, namespace: str = "") -> list[str]:
        """All workloads (of a namespace), sorted."""
        there = [namespace] if namespace else self._pods
        return sorted({str(pod.workload) for name in there for pod in self._pods.get(name, ())})

    def _in(self, namespace: str, selector: LabelSelector) -> list[str]:
        pods = self._pods.get(namespace)
        if pods is None:
            return []
        found = self._labels[namespace].matching(selector)
        return sorted({str(pods[number].workload) for number in found})


def permissions(tables: Tables, workloads: Workloads) -> pl.DataFrame:
    """All that policies permit (PERMISSIONS), of rules of a direction that they are about."""
    rows = [
        (
            number,
            *names,
            one.rule.direction.value.lower(),
            own,
            *peer,
            *_port(one.port),
        )
        for number, one in enumerate(tables.parts)
        for policy in [tables.policies[one.policy]]
        if one.rule.direction in policy.directions
        for names in [(str(policy), str(one.rule))]
        for own in workloads.selected(policy)
        for peer in _peers(one.peer, policy.namespace, workloads)
    ]
    return pl.DataFrame(rows, schema=PERMISSIONS, orient="row")


def isolated(policies: Iterable[NetworkPolicy], workloads: Workloads) -> set[tuple[str, str]]:
    """Direction and workload of all that some policy selects."""
    return {
        (direction.value.lower(), workload)
        for policy in policies
        for direction in policy.directions
        for workload in workloads.selected(policy)
    }


def _selectable(cluster: Cluster) -> Iterator[Pod]:
    """The pods of all workloads: living ones, or what is known of those without."""
    workloads = {pod.workload for pod in cluster.pods.alike} | {
        cluster.workload_of(one) for one in cluster.controllers
    }
    for workload in workloads:
        yield from (pod for pod in cluster.pods_of(workload) if not pod.on_host_network)


def _peers(peer: Peer | None, namespace: str, workloads: Workloads) -> list[tuple[str, bool]]:
    """What a peer is, and whether these are workloads."""
    if peer is None:
        return [(ANYONE, False)]
    if peer.ip_block is None:
        return [(one, one != EVERY_POD) for one in workloads.peers(peer, namespace)]
    excepts = ", ".join(peer.ip_block.excepts or ())
    return [(f"{peer.ip_block.cidr} except {excepts}" if excepts else peer.ip_block.cidr, False)]


def _port(port: Port | None) -> tuple[str, str]:
    if port is None:
        return "any", "any"
    text = "any" if port.port is None else str(port.port)
    return str(port.protocol), f"{text}-{port.end_port}" if port.end_port else text
