"""One metric, and the chain of stages that counts it.

Source: docs/reference/encode-prom.md#order-of-work, docs/reference/flowmetric.md#metric-item.
A FlowMetric and an item of flowlogs-pipeline's `encode prom` both become a `Metric`; `chain` turns
it into documents of the native configuration, which anyone could have written by hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pipeline.predicate import template
from pipeline.predicate.match import is_flattened
from pipeline.stage import Kind

Stage = dict[str, Any]
"""A stage as its YAML reads: name, type, follows and the fields of its type."""


def metric_name(name: str) -> str:
    """A full metric name as a classic scraper reads it: `_` for each other character.

    Source: docs/reference/encode-prom.md#exposition.
    """
    return re.sub(r"^[0-9]|[^a-zA-Z0-9_:]", "_", name)


def label_name(name: str) -> str:
    """A label name as a classic scraper reads it: `A B` -> `A_B`."""
    return re.sub(r"^[0-9]|[^a-zA-Z0-9_]", "_", name)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A condition on one field; those of one field are OR'ed, fields are AND'ed.

    `type`: equal, not_equal, presence, absence, match_regex or not_match_regex.
    """

    field: str
    value: str = ""
    type: str = "equal"

    def references(self) -> list[str]:
        """The fields named by `$(Field)`; regexes know no references."""
        return template.references(self.value) if self.type in {"equal", "not_equal"} else []


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric, in terms of the fields of a flow. `name` is without prefix.

    Without `value` a flow counts 1; a `divider` of 0 does not scale. `remap` renames fields to
    label names; `flatten` splits a flow into one per element of these list fields. With `each`
    every number of the list `value` is observed.
    """

    name: str
    type: Kind = Kind.COUNTER
    help: str = ""
    filters: tuple[Filter, ...] = ()
    value: str = ""
    divider: float = 0.0
    labels: tuple[str, ...] = ()
    remap: dict[str, str] = {}
    flatten: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    each: bool = False

    def label(self, field: str) -> str:
        """The name of the label that carries this field; a remap to "" is ignored.

        Source: docs/reference/encode-prom.md#labels.
        """
        return label_name(self.remap.get(field) or field)

    def flattens(self, field: str) -> bool:
        """Whether this field, or the one it is a part of, is flattened."""
        return is_flattened(field, self.flatten)


def metric_stages(
    metric: Metric,
    parent: str | list[str],
    prefix_name: str,
    encode: Stage,
    title: str = "",
) -> list[Stage]:
    """The stages that count a metric: flatten, filter, remap, encode_prometheus; none is empty.

    `encode` holds the settings of the encoder (prefix, expiry, limits). The encoder is named
    `<prefix_name>/<title>` (the metric's name without title), the others `.../flatten` and so on.
    """
    name = f"{prefix_name}/{title or metric.name}"
    whole, parts = _split(metric)
    early, value = _kept_value(metric)
    names, value = _renames(metric, value)
    flattened = list(dict.fromkeys(metric.flatten))
    steps: list[tuple[str, str, Stage, object]] = [
        ("filter-flow", "filter", {"match": whole}, whole),
        ("value", "remap", {"map": early}, early),
        ("flatten", "flatten", {"fields": flattened}, flattened),
        ("filter", "filter", _given({"match": parts, "flattened": flattened}), parts),
        ("remap", "remap", {"map": names}, names),
    ]
    stages: list[Stage] = []
    for suffix, kind, settings, needed in steps:
        if needed:
            full = f"{name}/{suffix}"
            stages.append({"name": full, "type": kind, "follows": parent, **settings})
            parent = full
    prefix = str(encode.get("prefix", ""))
    item = {
        "name": metric_name(prefix + metric.name)[len(prefix) :],
        "type": metric.type.value,
        "help": metric.help,
        "value": value,
        "divider": metric.divider,
        "labels": [metric.label(field) for field in metric.labels],
        "buckets": ["+Inf" if bound == math.inf else bound for bound in metric.buckets],
        "each": metric.each,
    }
    last = {"name": name, "type": "encode_prometheus", "follows": parent}
    return [*stages, {**encode, **last, "metrics": [_given(item)]}]


def _given(settings: Stage) -> Stage:
    """The settings without those that have no effect."""
    return {key: value for key, value in settings.items() if value}


def _split(metric: Metric) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Filters that must see the flow before it is split, and all others.

    A filter on a field that is not flattened sees the flow (docs/reference/encode-prom.md#filters),
    so a flattened field it refers to is still the whole list. Filters of one field stay
    together: they are alternatives.
    """
    early = {
        condition.field
        for condition in metric.filters
        if not metric.flattens(condition.field)
        and any(map(metric.flattens, condition.references()))
    }
    whole: list[dict[str, str]] = []
    parts: list[dict[str, str]] = []
    for condition in metric.filters:
        (whole if condition.field in early else parts).append(msgspec.to_builtins(condition))
    return whole, parts


def _aside(field: str) -> str:
    """The column of the value while labels are renamed; a label cannot have this name."""
    return f"{field} (value)"


def _kept_value(metric: Metric) -> tuple[dict[str, list[str]], str]:
    """What keeps the value of the flow where its field is flattened away, and its name then."""
    value = metric.value
    if value and metric.flattens(value):
        return {value: [value, _aside(value)]}, _aside(value)
    return {}, value


def _renames(metric: Metric, value: str) -> tuple[dict[str, str | list[str]], str]:
    """The map from fields to label names, and the name of the value after it."""
    targets: dict[str, list[str]] = {}
    for field in metric.labels:
        targets.setdefault(field, []).append(metric.label(field))
    if value in targets:
        value = targets[value][0]
    elif any(value in names for names in targets.values()):
        targets[value] = [_aside(value)]
        value = _aside(value)
    return dict(_changed(targets)), value


def _changed(targets: dict[str, list[str]]) -> Iterator[tuple[str, str | list[str]]]:
    for field, names in targets.items():
        if names != [field]:
            yield field, names[0] if len(names) == 1 else names
