"""encode.prom: one chain of native stages per metric (docs/reference/encode-prom.md#parameters)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.config.flp.dialect_common import GoDuration
from pipeline.config.flp.dialect_encode import Encode, Metric, MetricFilter
from pipeline.config.flp.parts import Native, Parts, filled
from pipeline.diagnostics import ConfigPath, Problem, nearest, warning
from pipeline.flowmetric.chain import Filter, metric_stages
from pipeline.flowmetric.chain import Metric as Counted
from pipeline.stage import Kind
from pipeline.stage.bounds import ascending, bound
from pipeline.stage.duration import from_go

FILTERS = ["equal", "not_equal", "presence", "absence", "match_regex", "not_match_regex"]
_EACH = "agg_histogram"
"""A histogram of the numbers of lists."""
_RENAMED = {"value": "valueKey", "divider": "valueScale", "each": "type"}


def prom(encode: Encode, at: ConfigPath) -> Parts:
    """The chain of stages for each metric that the original would expose.

    A metric that the original only logs and leaves out is left out here with a warning.
    """
    block, at = encode.prom, (*at, "prom")
    settings = filled(prefix=block.prefix, max_series=max(0, block.max_metrics))
    if block.expiry_time:
        yield from duration(block.expiry_time, "expiry", (*at, "expiryTime"), settings)
    yield from chains(block.metrics, at, settings)


def chains(metrics: list[Metric], at: ConfigPath, settings: dict[str, Any]) -> Parts:
    """The chain of stages of each metric; `settings` are those of their encoders."""
    for index, metric in enumerate(metrics):
        here = (*at, "metrics", index)
        if not metric.name:
            yield Problem(here, "a metric needs a name")
            continue
        if reason := _left_out(metric):
            yield warning(here, f'metric "{metric.name}" is left out: {reason}')
            continue
        yield from _warnings(metric, here)
        yield from _chain(metric, here, at, settings)


def duration(
    given: GoDuration, name: str, at: ConfigPath, settings: dict[str, Any]
) -> Iterator[Problem]:
    """Add a duration to the settings of encoders, or say what is wrong with it."""
    try:
        settings |= filled(**{name: from_go(given)})
    except ValueError as error:
        yield Problem(at, str(error))


def _left_out(metric: Metric) -> str:
    """The reason why the original does not expose this metric, or an empty text."""
    labels = [metric.remap.get(field) or field for field in metric.labels]
    if metric.type not in [kind.value for kind in Kind] and metric.type != _EACH:
        return f'unknown type "{metric.type}" {nearest(metric.type, Kind)}'.rstrip()
    if not all(labels):
        return "a label has an empty name"
    if "__name__" in labels:
        return '"__name__" is not a valid name of a label'
    twice = sorted({label for label in labels if labels.count(label) > 1})
    return f'label "{twice[0]}" is given twice' if twice else ""


def _warnings(metric: Metric, at: ConfigPath) -> Iterator[Problem]:
    for index, condition in enumerate(metric.filters):
        if condition.type and condition.type not in FILTERS:
            path = (*at, "filters", index, "type")
            hint = nearest(condition.type, FILTERS)
            yield warning(path, f'unknown filter type "{condition.type}" is taken as equal', hint)
    bounds = [bound(value) for value in metric.buckets]
    if bounds != list(ascending(metric.buckets)):
        yield warning((*at, "buckets"), "buckets are taken in ascending order, each once")


def _chain(metric: Metric, at: ConfigPath, stage: ConfigPath, settings: dict[str, Any]) -> Parts:
    each = metric.type == _EACH
    counted = Counted(
        name=metric.name,
        type=Kind.HISTOGRAM if each else Kind(metric.type),
        help=metric.help,
        filters=tuple(_filter(condition) for condition in metric.filters),
        value=metric.value_key,
        divider=0.0 if each else metric.value_scale,
        labels=tuple(metric.labels),
        remap=metric.remap,
        flatten=tuple(metric.flatten),
        buckets=ascending(metric.buckets),
        each=each,
    )
    for document in metric_stages(counted, "", "", settings):
        name, kind, follows = (document.pop(key) for key in ("name", "type", "follows"))
        yield Native(kind, document, _origins(document, counted, at, stage), name, follows)


def _filter(condition: MetricFilter) -> Filter:
    kind = condition.type if condition.type in FILTERS else "equal"
    return Filter(field=condition.key, value=condition.value, type=kind)


def _origins(
    document: dict[str, Any], metric: Counted, at: ConfigPath, stage: ConfigPath
) -> dict[ConfigPath, ConfigPath]:
    """Maps the fields of a stage of the chain to their paths in the configuration."""
    origins: dict[ConfigPath, ConfigPath] = {(): at, ("metrics", 0): at}
    for index, match in enumerate(document.get("match", [])):
        written = (*at, "filters", metric.filters.index(Filter(**match)))
        origins |= {("match", index): written, ("match", index, "field"): (*written, "key")}
    if "map" in document:
        origins["map",] = (*at, "remap" if metric.remap else "labels")
    origins |= {("metrics", 0, native): (*at, key) for native, key in _RENAMED.items()}
    return origins | {("prefix",): (*stage, "prefix"), ("expiry",): (*stage, "expiryTime")}
