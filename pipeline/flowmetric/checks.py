"""Checks of a FlowMetric beyond its shape.

Source: docs/reference/flowmetric.md#webhook, docs/reference/flowmetric.md#further-checks.
The first checks are those of the operator's webhook; the others are not made upstream. A spec that
gives no metric, no value or a crash there is an error; one with surprising counts is a warning.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from pipeline.diagnostics import Code, ConfigPath, Problem, Severity, nearest, warning
from pipeline.flowmetric.chain import label_name
from pipeline.flowmetric.spec import Direction, FlowMetricSpec, MatchType, MetricFilter, MetricType
from pipeline.flows import catalogue, gotext
from pipeline.flows.catalogue import CATALOGUE, METRIC_FIELDS, Level
from pipeline.predicate import regex, template
from pipeline.stage.bounds import ascending, bound
from pipeline.stage.metrics import SMALLEST_DIVIDER

_REFERRING = {MatchType.EQUAL, MatchType.NOT_EQUAL}
_REGEX = {MatchType.MATCH_REGEX, MatchType.NOT_MATCH_REGEX}
_NEGATIVE = {MatchType.NOT_EQUAL, MatchType.NOT_MATCH_REGEX}
_SPLIT = {"string[]", "object[]"}
"""The kinds of fields that flattening splits."""


def check(spec: FlowMetricSpec) -> Iterator[Problem]:
    """All problems of a spec; paths are relative to it."""
    yield from _names(spec)
    yield from _value(spec)
    yield from _buckets(spec)
    yield from _remap(spec)
    yield from _targets(spec)
    yield from _flatten(spec)
    yield from _labels(spec)
    for index, condition in enumerate(spec.filters):
        for problem in _filter(condition, spec):
            yield problem.under("filters", index)
    yield from _alternatives(spec)
    yield from _cardinality(spec)


def cardinality(labels: Iterable[str]) -> dict[Level, list[str]]:
    """Labels by level, worst level first; the first level is that of the whole metric."""
    levels = {label: catalogue.level_of(label) for label in labels}
    return {
        level: [label for label, own in levels.items() if own is level]
        for level in reversed(Level)
        if level in levels.values()
    }


def _names(spec: FlowMetricSpec) -> Iterator[Problem]:
    uses: list[tuple[ConfigPath, str]] = [
        *((("filters", i, "field"), condition.field) for i, condition in enumerate(spec.filters)),
        *((("labels", i), label) for i, label in enumerate(spec.labels)),
        *((("flatten", i), field) for i, field in enumerate(spec.flatten)),
    ]
    for path, name in uses:
        yield from _known(path, name)
        if ">" in name and path[0] == "flatten":
            yield Problem(path, f'"{name}" is a part', f'flatten "{catalogue.root(name)}"')


def _known(path: ConfigPath, name: str) -> Iterator[Problem]:
    root = catalogue.root(name)
    if root in METRIC_FIELDS:
        return
    if root in CATALOGUE:
        yield Problem(path, f'"{root}" is a field of flows that FlowMetrics may not use')
    else:
        yield Problem(path, f'"{name}" is not a field of a flow', nearest(root, METRIC_FIELDS))


def _value(spec: FlowMetricSpec) -> Iterator[Problem]:
    name = spec.value_field
    if not name:
        if spec.type is not MetricType.COUNTER:
            message = f"without valueField, a {spec.type.lower()} gets the value 1 of every flow"
            yield warning(("type",), message)
    elif name not in METRIC_FIELDS:
        yield from (
            _known(("valueField",), name)
            if ">" not in name
            else [Problem(("valueField",), f'"{name}" is a part of a field, not a number')]
        )
    elif CATALOGUE[name].kind != "number":
        message = f'"{name}" is of type {CATALOGUE[name].kind}, a number is wanted here'
        yield Problem(("valueField",), message)
    if not spec.divider:
        return
    divider = gotext.parse_float(spec.divider)
    if divider is None or not math.isfinite(divider):
        yield Problem(("divider",), f'"{spec.divider}" is not a number', 'such as "1000"')
    elif 0 < abs(divider) < SMALLEST_DIVIDER:
        message = f"numbers of flows divided by {spec.divider} become infinite"
        yield Problem(("divider",), message)
    elif divider < 0 and spec.type is MetricType.COUNTER:
        yield Problem(("divider",), f"a counter divided by {spec.divider} would go down")


def _buckets(spec: FlowMetricSpec) -> Iterator[Problem]:
    bounds = [bound(value) for value in spec.buckets]
    if bounds != list(ascending(spec.buckets)):
        yield warning(("buckets",), "buckets are taken in ascending order, each once")
    if spec.buckets and spec.type is not MetricType.HISTOGRAM:
        yield warning(("buckets",), f"a {spec.type.lower()} has no buckets")


def _remap(spec: FlowMetricSpec) -> Iterator[Problem]:
    for field in spec.remap:
        if field not in spec.labels:
            hint = nearest(field, spec.labels)
            yield Problem(("remap", field), f'"{field}" is renamed, but is not in labels', hint)


def _targets(spec: FlowMetricSpec) -> Iterator[Problem]:
    sources: dict[str, str] = {}
    for index, field in enumerate(spec.labels):
        target = label_name(spec.remap.get(field, field))
        path: ConfigPath = ("remap", field) if field in spec.remap else ("labels", index)
        if sources.get(target) == field:
            yield Problem(("labels", index), f'label "{field}" is given twice')
        elif target in sources:
            message = f'"{sources[target]}" and "{field}" both become the label "{target}"'
            yield Problem(path, message, "give each its own name in remap")
        sources.setdefault(target, field)
        yield from _reserved(path, target, spec.type)


def _reserved(path: ConfigPath, target: str, kind: MetricType) -> Iterator[Problem]:
    """Names that mean something to Prometheus.

    `__...` labels are refused by its clients, and a histogram has its own `le`: errors. Elsewhere
    `le` is a label like any other, and `job` and `instance` win over the scraped target's own
    where labels are honoured: it works, but replicas can no longer be told apart.
    """
    if target.startswith("__"):
        yield Problem(path, f'label names that begin with "__" are reserved: "{target}"')
    elif target == "le" and kind is MetricType.HISTOGRAM:
        yield Problem(path, 'a histogram has its own label "le"')
    elif target == "le":
        yield warning(path, 'the label "le" is the upper bound of a histogram\'s buckets elsewhere')
    elif target in {"job", "instance"}:
        yield warning(path, f'the label "{target}" hides the one that Prometheus gives each target')


def _flatten(spec: FlowMetricSpec) -> Iterator[Problem]:
    for index, field in enumerate(spec.flatten):
        kind = CATALOGUE[field].kind if field in METRIC_FIELDS else ""
        if field == spec.value_field:
            yield Problem(("flatten", index), f'"{field}" is the valueField, it stays whole')
        elif field in spec.flatten[:index]:
            yield warning(("flatten", index), f'"{field}" is given twice')
        elif kind and kind not in _SPLIT:
            message = f'"{field}" is of type {kind}, which is not split: its label stays empty'
            yield warning(("flatten", index), message)


def _labels(spec: FlowMetricSpec) -> Iterator[Problem]:
    for index, label in enumerate(spec.labels):
        path = ("labels", index)
        yield from _part(path, label, spec, "stays empty")
        if label not in METRIC_FIELDS:
            continue
        kind, flattened = CATALOGUE[label].kind, label in spec.flatten
        if kind.endswith("[]") and not flattened:
            message = f'the label "{label}" shows a whole list, such as [a b]'
            yield warning(path, message, f'add "{label}" to flatten')
        elif kind == "object[]":
            message = f'"{label}" is flattened into its parts: its own label stays empty'
            yield warning(path, message, f"name a part, such as {label}>Type")


def _filter(condition: MetricFilter, spec: FlowMetricSpec) -> Iterator[Problem]:
    match, value = condition.match_type, condition.value
    yield from _part(("field",), condition.field, spec, "never matches")
    fault = regex.fault(value) if match in _REGEX else ""
    if fault:
        yield Problem(("value",), fault)
    if match is MatchType.EQUAL and not value:
        hint = "matchType: Absence matches where there is no field"
        yield warning(("value",), 'only a field that is there and empty equals ""', hint)
    references = template.references(value)
    if references and match in _REGEX:
        yield warning(("value",), "$(Field) is replaced for Equal and NotEqual only")
    split = catalogue.root(condition.field) in spec.flatten
    for name in references if match in _REFERRING else ():
        yield from _known(("value",), name)
        if split and catalogue.root(name) not in spec.flatten:
            message = f'a filter on the flattened "{condition.field}" does not see "{name}"'
            yield warning(("value",), message, f'$({name}) reads "" here')


def _part(path: ConfigPath, name: str, spec: FlowMetricSpec, effect: str) -> Iterator[Problem]:
    """A nested name exists only where the field it is part of is flattened."""
    root = catalogue.root(name)
    if ">" not in name or root not in METRIC_FIELDS:
        return
    if CATALOGUE[root].kind != "object[]":
        yield Problem(path, f'"{root}" has no parts: "{name}" {effect}', f'use "{root}"')
    elif root not in spec.flatten:
        message = f'"{name}" {effect}: "{root}" is not flattened'
        yield Problem(path, message, f'add "{root}" to flatten')


def _alternatives(spec: FlowMetricSpec) -> Iterator[Problem]:
    """Filters of one field are OR'ed, which surprises in two ways."""
    negative = Counter(c.field for c in spec.filters if c.match_type in _NEGATIVE)
    negative["FlowDirection"] += spec.direction is not Direction.ANY
    seen = {"FlowDirection"} if spec.direction is not Direction.ANY else set()
    for index, condition in enumerate(spec.filters):
        field = condition.field
        path = ("filters", index)
        if negative[field] > 1 and condition.match_type in _NEGATIVE:
            negative[field] = 0
            yield warning(
                path, f'filters on "{field}" are OR\'ed: these let nearly everything pass'
            )
        elif field == "FlowDirection" and field in seen:
            message = f"direction {spec.direction} adds a filter on FlowDirection, OR'ed with this"
            yield warning(path, message)
        elif field in seen and catalogue.root(field) in spec.flatten:
            message = f'of the filters on the flattened "{field}", the first that matches decides'
            yield warning(path, message, "write one MatchRegex, such as ^(SYN|FIN)$")
        seen.add(field)


def _cardinality(spec: FlowMetricSpec) -> Iterator[Problem]:
    by_level = cardinality(label for label in spec.labels if catalogue.root(label) in METRIC_FIELDS)
    worst = next(iter(by_level), Level.FINE)
    if worst is not Level.FINE:
        names = ", ".join(
            label for level, own in by_level.items() for label in own if level != Level.FINE
        )
        verdict = "many series" if worst is Level.CAREFUL else "unsafe, a great many series"
        message = f"cardinality {worst}: {verdict} with {names}"
        yield Problem(("labels",), message, severity=Severity.WARNING, code=Code.CARDINALITY)
