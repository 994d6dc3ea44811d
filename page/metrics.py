"""A FlowMetric tried on the latest flows, and saved: /api/v0/metrics/preview and /save."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import msgspec
import polars as pl

from page.forecast import forecast
from page.metric_trial import Trial, trial
from page.query import body, refused
from page.source import Source
from pipeline.api.openapi import Described
from pipeline.diagnostics import ConfigError, Diagnostic
from pipeline.flowmetric import FlowMetric, load, loads, without_duplicates
from pipeline.flowmetric.files import found as found_in
from pipeline.flows import catalogue
from pipeline.stage import COUNT, SUM, VALUE, Kind
from pipeline.yaml import document
from pipeline.yaml.replacing import create, replace

_NAME = "resource"
_SHOWN = 20
_MOST = 200


class Resource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a POST: the YAML or JSON of one FlowMetric."""

    resource: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A problem of a resource; line and column count from 1, 0: the whole."""

    severity: str
    message: str
    hint: str
    line: int
    column: int


class TrialStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the way to the metric: see page.metric_trial.Step."""

    what: str
    rows_in: int
    rows_out: int
    filtered: int
    rejected: int
    example: str


class LabelValues(msgspec.Struct, frozen=True, kw_only=True):
    """A label, how many values it has, and those that most series have.

    `level` is the cardinality of its field as the catalogue has it.
    """

    label: str
    field: str
    level: str
    values: int
    top: list[tuple[str, int]]


class SeriesValue(msgspec.Struct, frozen=True, kw_only=True):
    """A series: its labels, and its value; of a histogram the sum, and how many rows it counts."""

    labels: dict[str, str]
    value: float
    count: int | None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """/api/v0/metrics/preview: what a FlowMetric would give on the latest flows.

    With an error among the `problems` nothing is tried. `series` is how many there are, `forecast`
    how many there will be at least; `top` are those with the largest values. `value` is the field
    that they are values of, "" where flows are counted.
    """

    name: str
    metric: str
    type: str
    value: str
    problems: list[Told]
    ready: bool
    flows: int
    steps: list[TrialStep]
    series: int
    forecast: int
    labels: list[LabelValues]
    top: list[SeriesValue]


class KeptResource(msgspec.Struct, frozen=True):
    """A file with FlowMetrics, and its text."""

    file: str
    text: str


class MetricsPage(msgspec.Struct, frozen=True):
    """/api/v0/metrics: the files of the folder whose FlowMetrics are counted, the first 200."""

    resources: list[KeptResource]


class Saved(msgspec.Struct, frozen=True):
    """/api/v0/metrics/save: the file that the resource is in now."""

    file: str


DESCRIBED = Described("The FlowMetrics of the folder that is counted.", MetricsPage)
PREVIEW = Described("What a FlowMetric would give on the latest flows.", Preview, body=Resource)
SAVE = Described("Write a FlowMetric into the folder that is counted.", Saved, body=Resource)


def kept(source: Source) -> MetricsPage:
    """The resources that can be looked at and changed; files that cannot be read are left out."""
    found = found_in([str(source.metrics)], Path()) if source.metrics else []
    texts = ((path.name, _text(path)) for path in found[:_MOST])
    return MetricsPage([KeptResource(name, text) for name, text in texts if text])


def preview(source: Source, content: bytes) -> Preview:
    """What a resource would give. Raises UnansweredError."""
    metric, problems = _read(body(content, Resource).resource)
    flows = source.flows()
    tried = trial(metric, flows) if metric.ready else None
    return Preview(
        name=metric.identity,
        metric=metric.metric_name,
        type=metric.spec.type.value,
        value=metric.spec.value_field,
        problems=[_told(one) for one in problems],
        ready=metric.ready,
        flows=flows.height,
        steps=[TrialStep(**one._asdict()) for one in tried.steps] if tried else [],
        series=tried.delta.series.height if tried else 0,
        forecast=forecast(tried.rows) if tried else 0,
        labels=list(_labels(metric, tried)) if tried else [],
        top=list(_top(tried)) if tried else [],
    )


def save(source: Source, content: bytes) -> Saved:
    """Write a resource into the folder whose FlowMetrics are counted. Raises UnansweredError.

    Its file has the name of the resource. A file that has the same resource is replaced.
    """
    text = body(content, Resource).resource
    metric, problems = _read(text)
    if not metric.ready:
        raise refused("; ".join(map(str, problems)))
    if source.metrics is None:
        why = "there is no folder of FlowMetrics: copy the YAML"
        raise refused(why, HTTPStatus.NOT_FOUND)
    path = source.metrics / f"{metric.name}.yaml"
    _check_beside(metric, path)
    try:
        _write(path, metric, text.encode())
    except ConfigError as error:
        raise refused("; ".join(map(str, error.problems)), HTTPStatus.CONFLICT) from error
    except OSError as error:
        why = f"{path} cannot be written: {error.strerror}"
        raise refused(why, HTTPStatus.CONFLICT) from error
    return Saved(path.name)


def _text(path: Path) -> str:
    try:
        return document.read(path)
    except ConfigError:
        return ""


def _read(text: str) -> tuple[FlowMetric, list[Diagnostic]]:
    """The one resource of a text, and its problems. Raises UnansweredError."""
    loaded = loads(text, _NAME)
    if len(loaded.resources) > 1:
        raise refused(f"one FlowMetric at a time: these are {len(loaded.resources)}")
    if not loaded.resources:
        raise refused("; ".join(map(str, loaded.problems)))
    return loaded.resources[0], loaded.problems


def _check_beside(metric: FlowMetric, path: Path) -> None:
    """Raises UnansweredError (409): another resource of the folder has its name or its metric."""
    beside = load([str(path.parent)], Path())
    others = [one for one in beside.resources if not one.place.startswith(f"{path}:")]
    settled = without_duplicates([*others, metric])[-1]
    if not settled.ready:
        why = "; ".join(problem.message for problem in settled.problems)
        raise refused(why, HTTPStatus.CONFLICT)


def _write(path: Path, metric: FlowMetric, content: bytes) -> None:
    if not path.exists():
        create(path, content)
        return
    before = document.content(path)
    there = {one.identity for one in loads(before.decode(errors="replace"), str(path)).resources}
    if there != {metric.identity}:
        why = f"{path.name} has other resources: give this one another name"
        raise refused(why, HTTPStatus.CONFLICT)
    replace(path, before, content)


def _told(one: Diagnostic) -> Told:
    return Told(
        severity=one.problem.severity.value,
        message=one.problem.message,
        hint=one.problem.hint,
        line=one.place.line,
        column=one.place.column,
    )


def _labels(metric: FlowMetric, tried: Trial) -> Iterator[LabelValues]:
    fields = {metric.metric().label(field): field for field in metric.spec.labels}
    series = tried.delta.series
    for label, field in fields.items():
        counts = series.group_by(label).len("series").sort(-pl.col("series").cast(pl.Int64), label)
        yield LabelValues(
            label=label,
            field=field,
            level=catalogue.level_of(field).value,
            values=counts.height,
            top=[(text, number) for text, number in counts.head(_SHOWN).iter_rows()],
        )


def _top(tried: Trial) -> Iterator[SeriesValue]:
    """The series with the largest values."""
    family, series = tried.delta.family, tried.delta.series
    value = SUM if family.kind is Kind.HISTOGRAM else VALUE
    largest = series.sort(-pl.col(value), *family.labels).head(_SHOWN)
    for row in largest.iter_rows(named=True):
        labels = {name: row[name] for name in family.labels}
        yield SeriesValue(labels=labels, value=row[value], count=row.get(COUNT))
