"""The shape of a FlowMetric: fields, defaults, enums, patterns.

Source: docs/reference/flowmetric.md#resource.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from pipeline.stage.bounds import QuotedBound

API_VERSION = "flows.netobserv.io/v1alpha1"
KIND = "FlowMetric"

MetricName = Annotated[str, Meta(pattern=r"^([a-zA-Z_][a-zA-Z0-9:_]*)?$(?!\n)")]
LabelName = Annotated[str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$(?!\n)")]


class MetricType(StrEnum):
    """The type of the metric, as the resource writes it."""

    COUNTER = "Counter"
    HISTOGRAM = "Histogram"
    GAUGE = "Gauge"


class MatchType(StrEnum):
    """How a filter compares."""

    EQUAL = "Equal"
    NOT_EQUAL = "NotEqual"
    PRESENCE = "Presence"
    ABSENCE = "Absence"
    MATCH_REGEX = "MatchRegex"
    NOT_MATCH_REGEX = "NotMatchRegex"


class Direction(StrEnum):
    """Which flows count, as the node that reports them sees them."""

    ANY = "Any"
    EGRESS = "Egress"
    INGRESS = "Ingress"


class Unit(StrEnum):
    """The unit of a chart."""

    NONE = ""
    BYTES = "bytes"
    SECONDS = "seconds"
    BYTES_PER_SECOND = "Bps"
    PACKETS_PER_SECOND = "pps"
    PERCENT = "percent"


class ChartType(StrEnum):
    """How a chart is drawn."""

    SINGLE_STAT = "SingleStat"
    LINE = "Line"
    STACK_AREA = "StackArea"


class MetricFilter(msgspec.Struct, frozen=True, rename="camel"):
    """A condition on a field of the flow."""

    field: str
    value: str = ""
    match_type: MatchType = MatchType.EQUAL


class Query(msgspec.Struct, frozen=True):
    """A curve of a chart; `$METRIC` stands for the metric's full name."""

    prom_ql: str = msgspec.field(name="promQL")
    legend: str
    top: Annotated[int, Meta(ge=1)] = 7


class Chart(msgspec.Struct, frozen=True, rename="camel"):
    """A chart of a dashboard."""

    title: str
    type: ChartType
    queries: list[Query]
    dashboard_name: str = "Main"
    section_name: str = ""
    unit: Unit = Unit.NONE


class FlowMetricSpec(msgspec.Struct, frozen=True, rename="camel"):
    """The `spec` of a FlowMetric."""

    type: MetricType
    metric_name: MetricName = ""
    help: str = ""
    value_field: str = ""
    filters: list[MetricFilter] = []
    labels: list[str] = []
    flatten: list[str] = []
    remap: dict[str, LabelName] = {}
    direction: Direction = Direction.ANY
    buckets: list[QuotedBound] = []
    divider: str = ""
    charts: list[Chart] = []
