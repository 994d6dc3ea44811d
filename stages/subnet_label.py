"""Names for subnets.

Source: docs/reference/transforms.md#add_subnet_label, docs/reference/kubernetes.md#subnet-labels.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
import polars as pl

from pipeline.diagnostics import Problem, Severity, warning
from pipeline.flows import cidr, values
from pipeline.flows.lookup_cache import LookupCache
from pipeline.flows.prefix_table import PrefixTable
from pipeline.kube import subnets
from pipeline.kube.api.access import Access
from pipeline.kube.inventory import file
from pipeline.kube.knowledge import LabelKnowledge
from pipeline.kube.subnets import Described, Label
from pipeline.kube.sync.subnet_labels import LabelFeed
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
from pipeline.stage.address_field import AddressField, both
from pipeline.stage.fingerprint import fingerprints

_PATIENCE = 15.0
"""Seconds to wait for a cluster's labels before going on without them."""
_NAME = re.compile(r"[a-zA-Z_:-][a-zA-Z0-9_:-]*")


class SubnetLabel(ResourceTransform, frozen=True, kw_only=True, dict=True, tag="subnet_label"):
    """Write the name of the subnet an address is in.

    With `match: first` the first label in list order having a network around the address wins,
    however narrow others are; with `longest` the narrowest network does. No match leaves the
    output as it is. `autodetect` names a file of Kubernetes objects, `cluster` an API server that
    has them: their FlowCollector's custom labels come after `labels`, then Machines, Pods, Services
    and EXT:ExternalIP derived from the others. Changes in the cluster are followed.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: labels
              type: subnet_label
              follows: flows
              labels:
                - {name: "EXT:S3", cidrs: [3.5.204.0/22]}
                - {name: Pods, cidrs: [10.128.0.0/14]}
        """,
        flows="""
            {"SrcAddr": "10.128.0.14", "DstAddr": "3.5.204.7"}
            {"SrcAddr": "10.128.0.14", "DstAddr": "8.8.8.8"}
        """,
        output="""
            {"SrcAddr": "10.128.0.14", "DstAddr": "3.5.204.7",
             "SrcSubnetLabel": "Pods", "DstSubnetLabel": "EXT:S3"}
            {"SrcAddr": "10.128.0.14", "DstAddr": "8.8.8.8", "SrcSubnetLabel": "Pods"}
        """,
    )

    annotates: ClassVar[bool] = True

    labels: list[Label] = []
    autodetect: str = ""
    cluster: Access | None = None
    match: Literal["first", "longest"] = "first"
    ends: list[AddressField] = msgspec.field(default_factory=lambda: both("SubnetLabel"))

    def reads(self) -> Fields:
        return frozenset(end.input for end in self.ends)

    def check(self, folder: Path) -> Iterator[Problem]:
        for i, label in enumerate(self.labels):
            if not _NAME.fullmatch(label.name):
                hint = "letters, digits, _ : and -, not starting with a digit"
                yield warning(("labels", i, "name"), f'unusual name "{label.name}"', hint)
            for k, text in enumerate(label.cidrs):
                at = ("labels", i, "cidrs", k)
                network = cidr.network(text)
                if network is None:
                    message = f'label "{label.name}": "{text}" is not a valid CIDR'
                    yield Problem(at, message, "such as 10.0.0.0/16")
                elif cidr.has_host_bits(text):
                    message = f'label "{label.name}": "{text}" has host bits'
                    yield warning(at, message, f"it means {network}")
        yield from self._hidden()
        yield from self._check_sources(folder)
        for i, end in enumerate(self.ends):
            for field in ("input", "output"):
                if not getattr(end, field):
                    yield Problem(("ends", i, field), f"`{field}` is empty")

    def build(self, context: BuildContext, resources: ResourcePool | None = None) -> BuiltStage:
        described, problems = self._described(context.folder)
        if any(problem.severity is Severity.ERROR for problem in problems):
            raise ValueError("; ".join(problem.message for problem in problems))
        feed = self._feed(self.cluster, context.folder, resources) if self.cluster else None
        known = LabelKnowledge(self.labels, described, feed, longest=self.match == "longest")
        files = [context.folder / self.autodetect] if self.autodetect else []

        def fingerprint() -> Hashable:
            live = feed.labels() if feed else []
            return fingerprints(files), tuple((label.name, *label.cidrs) for label in live)

        return BuiltStage(
            self._step(known.labels(), context), fingerprint=fingerprint, knowledge=known
        )

    def _step(self, labels: list[Label], context: BuildContext) -> Step:
        table = PrefixTable((net, name or None) for net, name in subnets.listed(labels))
        names = table.by_text(pl.String(), longest=self.match == "longest")
        memo = LookupCache(lambda texts: names(texts).to_frame())

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            for end in self.ends:
                schema = flows.schema
                if context.needs(end.output) and values.known(schema, end.input):
                    texts = values.column(flows, values.string(schema, end.input))
                    flows = values.put(flows, end.output, memo.get(texts).to_series())
            return flows

        return step

    def _feed(
        self, access: Access, folder: Path, resources: ResourcePool | None
    ) -> LabelFeed | None:
        """The cluster's labels; None where no cluster is to be asked."""
        if resources is None:
            return None

        def make() -> LabelFeed:
            feed = LabelFeed(access.connect(folder))
            feed.wait(_PATIENCE, patience=resources.patience)
            return feed

        return resources.acquire((LabelFeed, (folder, access)), make)

    @once
    def _described(self, folder: Path) -> Described:
        """The labels of the file, read by `check` or else when it is built."""
        if not self.autodetect:
            return Described([], [])
        problems: list[Problem] = []
        found = file.read(folder / self.autodetect, problems)
        labels = subnets.described([one.object for one in found], problems)
        if not labels and not problems:
            problems = [warning((), f"{self.autodetect}: nothing to derive a subnet label from")]
        return Described(labels, problems)

    def _check_sources(self, folder: Path) -> Iterator[Problem]:
        if self.autodetect:
            yield from (p.under("autodetect") for p in self._described(folder).problems)
        elif not self.labels and self.cluster is None:
            hint = "list some (discover --apply does), or give `autodetect` a file, or `cluster`"
            yield warning(("labels",), "there is no label, so no flow gets one", hint)
        if self.cluster:
            yield from (problem.under("cluster") for problem in self.cluster.check(folder))

    def _hidden(self) -> Iterator[Problem]:
        """Networks that never apply: an earlier label has one around them."""
        if self.match == "longest":
            return
        table = PrefixTable(subnets.listed(self.labels))
        for i, label in enumerate(self.labels):
            for k, text in enumerate(label.cidrs):
                net = cidr.network(text)
                first = table.first_around(net) if net else None
                if net and first and first[1] != label.name:
                    message = (
                        f'label "{label.name}": {net} never applies,'
                        f' "{first[1]}" with {first[0]} comes before it'
                    )
                    hint = f'list "{label.name}" first, or set `match: longest`'
                    yield warning(("labels", i, "cidrs", k), message, hint)
