"""Verdicts of network policies on flows, whether the policies are applied or not."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from threading import Event
from typing import ClassVar

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigError, Diagnostic, Problem, Severity, dotted
from pipeline.flows import values
from pipeline.kube.api.access import Access
from pipeline.kube.inventory import file
from pipeline.kube.inventory.feed import ManifestFeed
from pipeline.stage import (
    BuildContext,
    BuiltStage,
    Example,
    Fields,
    ResourcePool,
    ResourceTransform,
    once,
)
from pipeline.stage.edge_facts import FLOW_POLICY, FLOW_VERDICT
from pipeline.stage.fingerprint import fingerprints
from pipeline.yaml.files import matching
from policy import files
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from stages.edges import connections
from stages.edges.judging import Judge


class PolicyVerdict(ResourceTransform, frozen=True, kw_only=True, dict=True, tag="policy_verdict"):
    """Write what network policies say of the connection that a flow belongs to.

    The policies are files, folders or globs of NetworkPolicies; they need not be applied. They are
    judged with the objects of an `inventory` file, or of a `cluster` whose changes are followed.
    `verdict` becomes allowed, denied, differs (denied for some pods of a workload), undecided (a
    node, or a protocol that policies do not have) or unknown (which end is the server is not known,
    or an end is not among the objects). `policy` has the policies that let it through, or else
    those that isolate it, separated by commas; nothing where no policy is for it.
    A connection that would be denied is told in the log, each once an hour, ten in a minute.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: verdicts
              type: policy_verdict
              follows: flows
              policies: [db.yaml]
              inventory: inventory.yaml
        """,
        flows="""
            {"SrcAddr": "10.128.0.14", "DstAddr": "10.128.0.15", "DstPort": 5432, "Proto": 6}
            {"SrcAddr": "192.0.2.7", "DstAddr": "10.128.0.15", "DstPort": 5432, "Proto": 6}
        """,
        output="""
            {"SrcAddr": "10.128.0.14", "DstAddr": "10.128.0.15", "DstPort": 5432, "Proto": 6,
             "verdict": "allowed", "policy": "shop/db"}
            {"SrcAddr": "192.0.2.7", "DstAddr": "10.128.0.15", "DstPort": 5432, "Proto": 6,
             "verdict": "denied", "policy": "shop/db"}
        """,
        files={
            "inventory.yaml": """
                kind: Pod
                metadata:
                  name: web-0
                  namespace: shop
                  labels: {app: web}
                  ownerReferences: [{kind: StatefulSet, name: web, controller: true}]
                status: {podIPs: [{ip: 10.128.0.14}]}
                ---
                kind: Pod
                metadata:
                  name: db-0
                  namespace: shop
                  labels: {app: db}
                  ownerReferences: [{kind: StatefulSet, name: db, controller: true}]
                status: {podIPs: [{ip: 10.128.0.15}]}
            """,
            "db.yaml": """
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {name: db, namespace: shop}
                spec:
                  podSelector: {matchLabels: {app: db}}
                  ingress:
                    - from: [{podSelector: {matchLabels: {app: web}}}]
                      ports: [{port: 5432}]
            """,
        },
    )

    annotates: ClassVar[bool] = True

    policies: list[str] = []
    inventory: str = ""
    cluster: Access | None = None
    namespaces: list[str] = []

    def reads(self) -> Fields:
        return connections.FIELDS

    def inputs(self, folder: Path) -> Iterator[Path]:
        yield from super().inputs(folder)
        yield from matching(self.policies, folder, [])

    def check(self, folder: Path) -> Iterator[Problem]:
        if not self.policies:
            yield Problem(("policies",), "policies is empty", "name files of NetworkPolicies")
        yield from self._loaded(folder)[1]
        if bool(self.inventory) == bool(self.cluster):
            hint = "write a file with flowmatrix inventory, or give `cluster`"
            yield Problem(("inventory",), "give one of `inventory` and `cluster`", hint)
        if self.inventory:
            yield from self._objects(folder)[1]
        if self.cluster:
            yield from (problem.under("cluster") for problem in self.cluster.check(folder))

    def build(self, context: BuildContext, resources: ResourcePool | None = None) -> BuiltStage:
        folder = context.folder
        (policies, wrong), (cluster, missing) = self._loaded(folder), self._objects(folder)
        errors = [one.message for one in (*wrong, *missing) if one.severity is Severity.ERROR]
        if errors:
            raise ValueError("; ".join(errors))
        judge = Judge(policies)
        judge.know(cluster)
        feed = self._feed(self.cluster, folder, resources) if self.cluster else None

        def refresh(stopping: Event) -> None:
            if feed and (found := feed.refresh(stopping)) is not None:
                judge.know(Cluster(found))

        def fingerprint() -> Hashable:
            own = [folder / self.inventory] if self.inventory else []
            return fingerprints([*matching(self.policies, folder, []), *own])

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            said = judge.verdicts(connections.asked(flows))
            flows = values.put(flows, FLOW_VERDICT, said["verdict"])
            return values.put(flows, FLOW_POLICY, said["policy"])

        return BuiltStage(step, refresh=refresh if feed else None, fingerprint=fingerprint)

    @once
    def _loaded(self, folder: Path) -> tuple[list[NetworkPolicy], list[Problem]]:
        """The policies, and what is wrong with their files."""
        try:
            found = files.load(self.policies, folder)
        except ConfigError as error:
            return [], [_placed(one) for one in error.problems]
        return found.policies, [_placed(one) for one in found.warnings]

    @once
    def _objects(self, folder: Path) -> tuple[Cluster, list[Problem]]:
        """The objects of the inventory, and what is wrong with it."""
        problems: list[Problem] = []
        cluster = Cluster(
            file.manifests(folder / self.inventory, problems) if self.inventory else ()
        )
        return cluster, [one.under("inventory") for one in (*problems, *cluster.problems)]

    def _feed(
        self, access: Access, folder: Path, resources: ResourcePool | None
    ) -> ManifestFeed | None:
        """The objects of the cluster; None where no cluster is to be asked."""
        if resources is None:
            return None
        spaces = tuple(self.namespaces)

        def make() -> ManifestFeed:
            return ManifestFeed(access.connect(folder), spaces)

        return resources.acquire((ManifestFeed, (folder, access, spaces)), make)


def _placed(found: Diagnostic) -> Problem:
    """What is wrong in a file of policies, at its place there."""
    problem = found.problem
    within = f"{dotted(problem.path)}: " if found.place.line and problem.path else ""
    index = () if found.place.line else problem.path
    return msgspec.structs.replace(
        problem,
        path=("policies", *index),
        message=within + problem.message,
        place=str(found.place) if found.place.line else "",
    )
