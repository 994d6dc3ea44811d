"""The AS number that advertises the network of an address.

Source: docs/reference/transforms.md#add_asn_label.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import polars as pl

from pipeline.diagnostics import Problem, warning
from pipeline.flows import values
from pipeline.flows.cidr import Network
from pipeline.flows.lookup_cache import LookupCache
from pipeline.flows.prefix_table import PrefixTable
from pipeline.kube.api.access import Access
from pipeline.kube.frr import advertised
from pipeline.kube.inventory import file
from pipeline.kube.sync.frr import FrrFeed
from pipeline.stage import (
    BuildContext,
    BuiltStage,
    Example,
    Fields,
    ResourcePool,
    ResourceTransform,
    Step,
)
from pipeline.stage.address_field import AddressField, both
from pipeline.stage.fingerprint import fingerprints
from pipeline.stage.once import once

_PATIENCE = 15.0
"""Seconds to wait for a cluster's objects before going on without them."""


class AsnLabel(ResourceTransform, frozen=True, kw_only=True, dict=True, tag="asn_label"):
    """Write the AS number of the router that advertises the narrowest network of an address.

    The networks are those that FRRConfiguration objects (frrk8s.metallb.io) advertise: of an
    `inventory` file, or of a `cluster`, where changes are followed. They are one's own: this does
    not say who owns a public address. An address in no such network leaves the output as it is.
    """

    example: ClassVar[Example] = Example(
        config="- {name: asns, type: asn_label, follows: flows, inventory: frr.yaml}",
        flows="""
            {"SrcAddr": "10.1.2.3", "DstAddr": "8.8.8.8"}
            {"SrcAddr": "10.1.9.9", "DstAddr": "192.0.2.7"}
        """,
        output="""
            {"SrcAddr": "10.1.2.3", "DstAddr": "8.8.8.8", "SrcASN": "64513"}
            {"SrcAddr": "10.1.9.9", "DstAddr": "192.0.2.7", "SrcASN": "64512"}
        """,
        files={
            "frr.yaml": """
                apiVersion: frrk8s.metallb.io/v1beta1
                kind: FRRConfiguration
                metadata: {name: edge, namespace: frr}
                spec:
                  bgp:
                    routers:
                    - {asn: 64512, prefixes: [10.1.0.0/16]}
                    - asn: 64513
                      neighbors:
                      - {asn: 65000, toAdvertise: {allowed: {prefixes: [10.1.2.0/24]}}}
            """
        },
    )

    annotates: ClassVar[bool] = True

    inventory: str = ""
    cluster: Access | None = None
    ends: list[AddressField] = msgspec.field(default_factory=lambda: both("ASN"))

    def reads(self) -> Fields:
        return frozenset(end.input for end in self.ends)

    def check(self, folder: Path) -> Iterator[Problem]:
        if bool(self.inventory) == (self.cluster is not None):
            yield Problem(("inventory",), "give one of `inventory`, a file, and `cluster`")
        elif self.cluster:
            yield from (problem.under("cluster") for problem in self.cluster.check(folder))
        else:
            listed, problems = self._read(folder)
            if not listed and not problems:
                problems = [warning((), f"{self.inventory}: no router advertises a network")]
            yield from (problem.under("inventory") for problem in problems)
        for i, end in enumerate(self.ends):
            for field in ("input", "output"):
                if not getattr(end, field):
                    yield Problem(("ends", i, field), f"`{field}` is empty")

    def build(self, context: BuildContext, resources: ResourcePool | None = None) -> BuiltStage:
        feed = self._feed(context.folder, resources)
        listed = feed.advertised() if feed else self._read(context.folder)[0]
        files = [context.folder / self.inventory] if self.inventory else []

        def fingerprint() -> Hashable:
            return fingerprints(files), feed.fingerprint() if feed else None

        return BuiltStage(self._step(listed, context), fingerprint=fingerprint)

    @once
    def _read(self, folder: Path) -> tuple[list[tuple[Network, str]], list[Problem]]:
        """What the inventory says, read by `check` or else when it is built; and its problems."""
        problems: list[Problem] = []
        if not self.inventory:
            return [], problems
        objects = file.read(folder / self.inventory, problems)
        return advertised(one.object for one in objects), problems

    def _feed(self, folder: Path, resources: ResourcePool | None) -> FrrFeed | None:
        """What the cluster advertises; None where no cluster is to be asked."""
        access = self.cluster
        if access is None or resources is None:
            return None

        def make() -> FrrFeed:
            feed = FrrFeed(access.connect(folder))
            feed.wait(_PATIENCE, patience=resources.patience)
            return feed

        return resources.acquire((FrrFeed, (folder, access)), make)

    def _step(self, listed: list[tuple[Network, str]], context: BuildContext) -> Step:
        numbers = PrefixTable(listed).by_text(pl.String(), longest=True)
        memo = LookupCache(lambda texts: numbers(texts).to_frame())

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            for end in self.ends:
                if context.needs(end.output) and values.known(flows.schema, end.input):
                    texts = values.column(flows, values.string(flows.schema, end.input))
                    flows = values.put(flows, end.output, memo.get(texts).to_series())
            return flows

        return step
