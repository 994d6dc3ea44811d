"""The shape of health rules, and those that hold where a FlowCollector says nothing else.

Source: docs/reference/operator.md#health-rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

Template = Literal[
    "PacketDropsByKernel",
    "PacketDropsByDevice",
    "IPsecErrors",
    "NetpolDenied",
    "LatencyHighTrend",
    "DNSErrors",
    "DNSNxDomain",
    "ExternalEgressHighTrend",
    "ExternalIngressHighTrend",
    "Ingress5xxErrors",
    "IngressHTTPLatencyTrend",
]
Mode = Literal["Alert", "Recording"]
Group = Literal["", "Node", "Namespace", "Workload"]
Number = Annotated[
    str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?)?$(?!\n)", extra={"expected": 'a number such as "10"'})
]


class Thresholds(Struct, frozen=True):
    """Percentages from which on a rule has a severity; "" for severities that it has not."""

    info: Number = ""
    warning: Number = ""
    critical: Number = ""


class Variant(Struct, frozen=True, rename="camel"):
    """A rule of a template: by what it is grouped, and its thresholds."""

    thresholds: Thresholds = Thresholds()
    group_by: Group = ""
    low_volume_threshold: Number = ""
    trend_offset: str = "24h"
    trend_duration: str = "2h"
    mode: Mode | None = None


class HealthRule(Struct, frozen=True):
    """All rules of a template."""

    template: Template
    mode: Mode = "Alert"
    variants: list[Variant] = []


def _rule(template: Template, *variants: Variant, mode: Mode = "Alert") -> HealthRule:
    return HealthRule(template, mode, list(variants))


def _of(group: Group, info: str = "", warning: str = "", low: str = "") -> Variant:
    return Variant(Thresholds(info, warning), group, low)


def _trend(group: Group, info: str = "", warning: str = "") -> Variant:
    return Variant(Thresholds(info, warning), group, trend_duration="1h")


DEFAULTS = (
    _rule(
        "PacketDropsByKernel",
        *(_of("Namespace", "10", "20", "5"), _of("Node", "5", "15")),
        mode="Recording",
    ),
    _rule("PacketDropsByDevice", _of("Node", "5", "10")),
    _rule("IPsecErrors", _of("", warning="2"), _of("Node", warning="2")),
    _rule("DNSErrors", _of("", warning="5"), _of("Namespace", "5", "10")),
    _rule("DNSNxDomain", _of("Namespace", "10", "80"), mode="Recording"),
    _rule("NetpolDenied", _of("Namespace", "5", "10"), mode="Recording"),
    _rule("LatencyHighTrend", _trend("Namespace", "100"), mode="Recording"),
    _rule("ExternalEgressHighTrend", _trend("Namespace", "100", "500"), mode="Recording"),
    _rule("ExternalIngressHighTrend", _trend("Namespace", "100", "500"), mode="Recording"),
    _rule("Ingress5xxErrors", _of("Namespace", "5", "10"), mode="Recording"),
    _rule("IngressHTTPLatencyTrend", _trend("Namespace", "100", "200"), mode="Recording"),
)
"""The rules of every template, unless they are configured or disabled."""


def effective(given: Iterable[HealthRule], disabled: Iterable[str]) -> list[HealthRule]:
    """The defaults, of which those of a given template are replaced, and none that is disabled."""
    rules = {rule.template: rule for rule in DEFAULTS} | {rule.template: rule for rule in given}
    off = set(disabled)
    return [rule for template, rule in rules.items() if template not in off]
