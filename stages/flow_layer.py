"""Application or infrastructure (docs/reference/transforms.md#add_kubernetes_infra)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import polars as pl

from pipeline.diagnostics import Problem
from pipeline.flows import values
from pipeline.stage import BuildContext, Example, Fields, Step, Transform


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two fields that name an object, or (as a reference) the names themselves."""

    namespace: str
    name: str


_PAIRS = (Pair("SrcK8S_Namespace", "SrcK8S_Name"), Pair("DstK8S_Namespace", "DstK8S_Name"))
_PREFIXES = ("netobserv", "openshift")
_REFS = (Pair("default", "kubernetes"), Pair("default", "openshift"))


class FlowLayer(Transform, frozen=True, kw_only=True, tag="flow_layer"):
    """Write `app` into `output` as soon as one end is an application, otherwise `infra`.

    An end is an application when its namespace is known, starts with none of `infra_prefixes` and
    its namespace and name are none of `infra_refs`. Flows with no known end are `infra`.
    """

    example: ClassVar[Example] = Example(
        config="- {name: layer, type: flow_layer, follows: flows}",
        flows="""
            {"SrcK8S_Namespace": "shop", "DstK8S_Namespace": "shop"}
            {"SrcK8S_Namespace": "openshift-dns"}
        """,
        output="""
            {"SrcK8S_Namespace": "shop", "DstK8S_Namespace": "shop", "K8S_FlowLayer": "app"}
            {"SrcK8S_Namespace": "openshift-dns", "K8S_FlowLayer": "infra"}
        """,
    )

    pairs: list[Pair] = msgspec.field(default_factory=lambda: list(_PAIRS))
    output: str = "K8S_FlowLayer"
    infra_prefixes: list[str] = msgspec.field(default_factory=lambda: list(_PREFIXES))
    infra_refs: list[Pair] = msgspec.field(default_factory=lambda: list(_REFS))

    def reads(self) -> Fields:
        return frozenset(name for pair in self.pairs for name in (pair.namespace, pair.name))

    def check(self, folder: Path) -> Iterator[Problem]:
        if not self.output:
            yield Problem(("output",), "`output` is empty")
        for i, prefix in enumerate(self.infra_prefixes):
            if not prefix:
                message = "an empty prefix makes every namespace infrastructure"
                yield Problem(("infra_prefixes", i), message)

    def build(self, context: BuildContext) -> Step:
        if not context.needs(self.output):
            return lambda flows: flows

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            app = pl.any_horizontal(
                pl.lit(False), *(self._is_app(flows.schema, pair) for pair in self.pairs)
            )
            layer = pl.when(app).then(pl.lit("app")).otherwise(pl.lit("infra"))
            return values.put(flows, self.output, layer)

        return step

    def _is_app(self, schema: values.Schema, pair: Pair) -> pl.Expr:
        namespace = values.string(schema, pair.namespace).fill_null("")
        name = values.string(schema, pair.name).fill_null("")
        infra = [
            namespace == "",
            *(namespace.str.starts_with(prefix) for prefix in self.infra_prefixes),
            *((namespace == ref.namespace) & (name == ref.name) for ref in self.infra_refs),
        ]
        return ~pl.any_horizontal(infra)
