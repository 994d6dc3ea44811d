"""Direction of a flow as its reporter sees it.

Source: docs/reference/transforms.md#reinterpret_direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import polars as pl

from pipeline.diagnostics import Problem
from pipeline.flows import assign, cidr, values
from pipeline.stage import BuildContext, Example, Fields, Step, Transform

INGRESS, EGRESS, INNER = 0, 1, 2
_NEW = values.HIDDEN + "direction"


class Direction(Transform, frozen=True, kw_only=True, tag="direction"):
    """Write 1 into `output` when the reporter is the source's host, 0 when the destination's.

    Both ends on one host: 2. Otherwise `output` is left as it is, also without a reporter. With
    `interface_direction`, what `output` held before is also kept there.
    """

    example: ClassVar[Example] = Example(
        config="- {name: sides, type: direction, follows: flows}",
        flows="""
            {"AgentIP": "10.0.1.1", "SrcK8S_HostIP": "10.0.1.1", "DstK8S_HostIP": "10.0.1.2"}
            {"AgentIP": "10.0.1.2", "SrcK8S_HostIP": "10.0.1.1", "DstK8S_HostIP": "10.0.1.2"}
        """,
        output="""
            {"AgentIP": "10.0.1.1", "SrcK8S_HostIP": "10.0.1.1", "DstK8S_HostIP": "10.0.1.2",
             "FlowDirection": 1}
            {"AgentIP": "10.0.1.2", "SrcK8S_HostIP": "10.0.1.1", "DstK8S_HostIP": "10.0.1.2",
             "FlowDirection": 0}
        """,
    )

    reporter: str = "AgentIP"
    source_host: str = "SrcK8S_HostIP"
    destination_host: str = "DstK8S_HostIP"
    output: str = "FlowDirection"
    interface_direction: str = ""

    def reads(self) -> Fields:
        fields = {self.reporter, self.source_host, self.destination_host}
        return frozenset(fields | ({self.output} if self.interface_direction else set()))

    def check(self, folder: Path) -> Iterator[Problem]:
        for field in ("reporter", "source_host", "destination_host", "output"):
            if not getattr(self, field):
                yield Problem((field,), f"`{field}` is empty")

    def build(self, context: BuildContext) -> Step:
        if not (context.needs(self.output) or context.needs(self.interface_direction)):
            return lambda flows: flows

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            schema = flows.schema
            reporter, source, destination = (
                values.string(schema, name)
                .map_batches(cidr.canonical_texts, pl.String(), is_elementwise=True)
                .fill_null("")
                for name in (self.reporter, self.source_host, self.destination_host)
            )
            direction = (
                pl.when(reporter == "")
                .then(None)
                .when(source == destination)
                .then(pl.when(source != "").then(INNER))
                .when(source == reporter)
                .then(EGRESS)
                .when(destination == reporter)
                .then(INGRESS)
            )
            numbers = flows.with_columns(direction.cast(pl.Float64).alias(_NEW))[_NEW]
            if self.interface_direction:
                every = assign.mask(flows, pl.lit(True))
                flows = assign.copy(flows, self.interface_direction, flows, self.output, every)
            return assign.put_number(flows, self.output, numbers)

        return step
