"""Kubernetes objects behind the addresses of a flow.

Source: docs/reference/transforms.md#add_kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import polars as pl

from pipeline.diagnostics import Problem, Severity, nearest, warning
from pipeline.kube.api.access import Access
from pipeline.kube.enrich import ENDED, EndFields, Enricher
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.index import Index
from pipeline.kube.index.keys import Secondary
from pipeline.kube.index.owners import Climb
from pipeline.kube.inventory.shared import Inventory, inventory
from pipeline.kube.knowledge import ObjectKnowledge
from pipeline.kube.sync.index import Watch
from pipeline.stage import (
    BuildContext,
    BuiltStage,
    Example,
    Fields,
    ResourcePool,
    ResourceTransform,
    Step,
    once,
)
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.fingerprint import fingerprints

_KINDS = (
    "CronJob",
    "DaemonSet",
    "Deployment",
    "DeploymentConfig",
    "Gateway",
    "Job",
    "ReplicaSet",
    "ReplicationController",
    "Rollout",
    "StatefulSet",
)
_BOTH = (
    EndFields("SrcAddr", "SrcK8S", "SrcMac", "Interfaces", "Udns"),
    EndFields("DstAddr", "DstK8S", "DstMac", "Interfaces", "Udns"),
)
_TRACKED = ("ReplicaSet", "Deployment", "Gateway")


class Kubernetes(ResourceTransform, frozen=True, kw_only=True, dict=True, tag="kubernetes"):
    """Write name, kind, namespace, owner, host and network of the object behind each address.

    The objects come from an `inventory` file, or live from a `cluster`: of all its namespaces, or
    of those in `namespaces` and the nodes. An address that went from one object to another belongs
    to the one that had it when the flow ended (TimeFlowEndMs), for a `window` after the first let
    it go; then to the one that has it. The first flows `wait` for the objects to be listed. A file
    that `flowmatrix inventory --server` wrote says who had an address when, and is used likewise,
    without a `window`; in any other file, an address belongs to the one that has it there.

    An address, in any form, is compared with secondary network keys first (`secondary_networks`),
    then with the addresses of pods, of nodes, and of services; a pod that has ended comes last. An
    unknown address writes nothing.
    `tracked_kinds` says how far an owner is followed (none: a ReplicaSet gives way to its owner,
    once); `climb_further` also follows Job, ReplicaSet, ReplicationController and
    VirtualMachineInstance to what outlives them.
    """

    example: ClassVar[Example] = Example(
        config="- {name: k8s, type: kubernetes, follows: flows, inventory: inventory.yaml}",
        flows="""
            {"SrcAddr": "10.128.0.14", "DstAddr": "3.5.204.7"}
            {"SrcAddr": "3.5.204.7", "DstAddr": "10.0.1.10"}
        """,
        output="""
            {"SrcAddr": "10.128.0.14", "DstAddr": "3.5.204.7",
             "SrcK8S_Name": "web-1", "SrcK8S_Namespace": "shop", "SrcK8S_Type": "Pod",
             "SrcK8S_OwnerName": "web", "SrcK8S_OwnerType": "StatefulSet",
             "SrcK8S_HostName": "worker-1", "SrcK8S_HostIP": "10.0.1.10",
             "SrcK8S_NetworkName": "primary"}
            {"SrcAddr": "3.5.204.7", "DstAddr": "10.0.1.10",
             "DstK8S_Name": "worker-1", "DstK8S_Type": "Node",
             "DstK8S_OwnerName": "worker-1", "DstK8S_OwnerType": "Node",
             "DstK8S_HostName": "worker-1", "DstK8S_HostIP": "10.0.1.10",
             "DstK8S_NetworkName": "primary"}
        """,
        files={
            "inventory.yaml": """
                kind: Node
                metadata: {name: worker-1}
                status: {addresses: [{type: InternalIP, address: 10.0.1.10}]}
                ---
                kind: Pod
                metadata:
                  name: web-1
                  namespace: shop
                  ownerReferences: [{kind: StatefulSet, name: web, controller: true}]
                spec: {nodeName: worker-1}
                status: {hostIP: 10.0.1.10, podIPs: [{ip: 10.128.0.14}]}
            """
        },
    )

    annotates: ClassVar[bool] = True

    inventory: str = ""
    cluster: Access | None = None
    namespaces: list[str] = []
    window: Duration = "5m"
    wait: Duration = "1m"
    ends: list[EndFields] = msgspec.field(default_factory=lambda: list(_BOTH))
    tracked_kinds: list[str] = msgspec.field(default_factory=lambda: list(_TRACKED))
    climb_further: bool = False
    zone: bool = False
    secondary_networks: list[Secondary] = []
    cni: list[str] = msgspec.field(default_factory=lambda: ["ovn"])

    def reads(self) -> Fields:
        ends = map(self._effective, self.ends)
        fields = {f for end in ends for f in (end.address, end.mac, end.interfaces, end.udns)}
        return frozenset(fields - {""} | ({ENDED} if self.cluster else set()))

    def also_reads(self, context: BuildContext) -> Fields:
        return frozenset(
            {ENDED} if self.inventory and self._read(context.folder).index.timed else ()
        )

    def check(self, folder: Path) -> Iterator[Problem]:
        yield from self._check_origin(folder)
        yield from self._check_ends()
        for i, parts in enumerate(self.secondary_networks):
            if parts == Secondary():
                yield Problem(("secondary_networks", i), "none of mac, ip, interface, udn is true")
        for i, kind in enumerate(self.tracked_kinds):
            hint = nearest(kind, _KINDS)
            if kind not in _KINDS and hint:
                yield warning(("tracked_kinds", i), f'"{kind}" is not a usual kind of owner', hint)
        for i, cni in enumerate(self.cni):
            if cni != "ovn":
                yield warning(("cni", i), f'unknown network plugin "{cni}"', 'only "ovn" is known')

    def build(self, context: BuildContext, resources: ResourcePool | None = None) -> BuiltStage:
        if self.cluster is None:
            return self._of_file(context)
        if resources is None:
            index = Index(options=self._options)
            return BuiltStage(self.attach(index, context))
        watch = self._watch(self.cluster, context.folder, resources)
        return BuiltStage(
            self.attach(watch.index, context),
            refresh=watch.refresh,
            knowledge=ObjectKnowledge(watch.index, self._climb, watch),
        )

    def _of_file(self, context: BuildContext) -> BuiltStage:
        found = self._read(context.folder)
        if any(problem.severity is Severity.ERROR for problem in found.problems):
            raise ValueError("; ".join(problem.message for problem in found.problems))
        file = context.folder / self.inventory if self.inventory else None
        return BuiltStage(
            self.attach(found.index, context),
            fingerprint=lambda: fingerprints([file] if file else []),
            knowledge=ObjectKnowledge(found.index, self._climb, file=file),
        )

    @once
    def _read(self, folder: Path) -> Inventory:
        """The objects of the inventory, read by `check` or else when it is built."""
        return inventory(folder / self.inventory, self._options)

    def _watch(self, access: Access, folder: Path, resources: ResourcePool) -> Watch:
        options, wait = self._options, seconds(self.wait)
        namespaces, further = tuple(self.namespaces), self.climb_further

        def make() -> Watch:
            return Watch(
                access.connect(folder),
                options,
                namespaces=namespaces,
                further=further,
                wait=wait,
                patience=resources.patience,
            )

        key = (folder, access, options, namespaces, further, wait)
        return resources.acquire((Watch, key), make)

    @property
    def _climb(self) -> Climb:
        return Climb(frozenset(self.tracked_kinds), self.climb_further)

    def attach(self, index: Index, context: BuildContext) -> Step:
        """The behaviour over an index from elsewhere; it may change between batches."""
        enrichers: list[Enricher] = []
        for end in map(self._effective, self.ends):
            other = enrichers[0] if enrichers else None
            enrichers.append(Enricher(end, index, self._climb, context.needed, other))

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            for enrich in enrichers:
                flows = enrich(flows)
            return flows

        return step

    def _effective(self, end: EndFields) -> EndFields:
        """An end with what the stage says for all, without the fields that play no part."""
        indexed = self.secondary_networks
        return msgspec.structs.replace(
            end,
            zone=end.zone or self.zone,
            mac=end.mac if any(one.mac for one in indexed) else "",
            interfaces=end.interfaces if any(one.interface for one in indexed) else "",
            udns=end.udns if any(one.udn for one in indexed) else "",
        )

    @property
    def _options(self) -> IndexOptions:
        """What the index must keep for this stage."""
        return IndexOptions(
            secondary=tuple(self.secondary_networks),
            cni=frozenset(self.cni),
            window=seconds(self.window) if self.cluster else 0.0,
            annotations=any(end.annotations.prefix for end in self.ends),
        )

    def _check_origin(self, folder: Path) -> Iterator[Problem]:
        if self.inventory:
            problems = self._read(folder).problems
            yield from (problem.under("inventory") for problem in problems)
        if self.inventory and self.cluster:
            yield Problem(("cluster",), "the objects come from `inventory` already: give one")
        elif self.cluster:
            yield from (problem.under("cluster") for problem in self.cluster.check(folder))
        elif not self.inventory:
            hint = "write one with flowmatrix inventory, or give `cluster`"
            yield Problem(("inventory",), "an inventory file is needed", hint)

    def _check_ends(self) -> Iterator[Problem]:
        if not self.ends:
            yield Problem(
                ("ends",), "no end to look up: leave `ends` out for source and destination"
            )
        for i, end in enumerate(self.ends):
            for field in ("address", "output"):
                if not getattr(end, field):
                    yield Problem(("ends", i, field), f"`{field}` is empty")
            if any(end.output == other.output for other in self.ends[:i]):
                yield warning(("ends", i, "output"), f'"{end.output}" is written by two ends')
