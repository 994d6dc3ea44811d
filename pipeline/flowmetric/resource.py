"""A FlowMetric resource: read, checked, turned into a metric, and its status."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from pipeline.diagnostics import Code, Key, Problem, Severity, dotted, nearest, warning
from pipeline.flowmetric import checks
from pipeline.flowmetric.chain import Filter, Metric
from pipeline.flowmetric.spec import API_VERSION, KIND, Direction, FlowMetricSpec, MatchType
from pipeline.flows.catalogue import Level
from pipeline.flows.gotext import parse_float
from pipeline.stage import Kind, sample_names
from pipeline.stage.bounds import ascending
from pipeline.yaml import validate
from pipeline.yaml.object_names import is_name, is_namespace

PREFIX = "netobserv_"
_KEYS = ("apiVersion", "kind", "metadata", "spec", "status")
_CHARTS, _REMAP = "charts", "remap"
_EXCLUDED = {Direction.INGRESS: "1", Direction.EGRESS: "0"}
"""The FlowDirection that each direction leaves out (docs/reference/flowmetric.md#direction)."""


@dataclass(frozen=True)
class FlowMetric:
    """One resource. What `spec` could not hold is a problem and reads as its default.

    `place`: "file:line:column" of the object, empty when it comes from an API server. `ignored`:
    what a newer definition has and this engine does not know, on one line.
    """

    name: str
    namespace: str
    spec: FlowMetricSpec
    problems: tuple[Problem, ...] = ()
    place: str = ""
    ignored: str = ""

    @property
    def identity(self) -> str:
        """Namespace and name, for messages."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def ready(self) -> bool:
        """Whether its metric can be counted: no problem is an error."""
        return all(problem.severity is not Severity.ERROR for problem in self.problems)

    @property
    def metric_name(self) -> str:
        """The name of the metric, without prefix."""
        return self.spec.metric_name or re.sub(r"[^a-zA-Z0-9:_]", "_", self.name)

    @property
    def sample_names(self) -> tuple[str, ...]:
        """The names that its metric takes, without prefix: a histogram has several."""
        return sample_names(self.metric_name, Kind(self.spec.type.lower()))

    def refused(self, message: str, hint: str = "") -> FlowMetric:
        """The same resource with an error about its name, or about that of its metric."""
        named = bool(hint and self.spec.metric_name)
        path = ("spec", "metricName") if named else ("metadata", "name")
        return replace(self, problems=(*self.problems, Problem(path, message, hint)))

    def metric(self) -> Metric:
        """What to count. Raises ValueError for a resource that is not ready."""
        if not self.ready:
            raise ValueError(f"FlowMetric {self.identity} is not ready: {self._faults()}")
        spec = self.spec
        return Metric(
            name=self.metric_name,
            type=Kind(spec.type.lower()),
            help=spec.help,
            filters=self._filters(),
            value=spec.value_field,
            divider=parse_float(spec.divider) or 0.0,
            labels=tuple(spec.labels),
            remap=dict(spec.remap),
            flatten=tuple(spec.flatten),
            buckets=ascending(spec.buckets),
        )

    def status(self, prefix: str = PREFIX) -> dict[str, Any]:
        """The status as the operator reports it; its writer adds the transition times."""
        by_level = checks.cardinality(self.spec.labels)
        worst = next(iter(by_level), Level.FINE)
        unsafe = worst in {Level.AVOID, Level.UNKNOWN}
        listed = "; ".join(f"{level}: {', '.join(own)}" for level, own in by_level.items())
        ready = "Ready" if self.ready else "Failure"
        return {
            "prometheusName": prefix + self.metric_name,
            "conditions": [
                _condition("Ready", ready, self._faults() or self.ignored, status=self.ready),
                _condition("CardinalityWarning", worst.value, listed, status=unsafe),
            ],
        }

    def _filters(self) -> tuple[Filter, ...]:
        own = [
            Filter(field=f.field, value=f.value, type=_snake(f.match_type))
            for f in self.spec.filters
        ]
        excluded = _EXCLUDED.get(self.spec.direction)
        if excluded is not None:
            own.append(Filter(field="FlowDirection", value=excluded, type="not_equal"))
        return tuple(own)

    def _faults(self) -> str:
        """Its errors on one line."""
        return _line(p for p in self.problems if p.severity is Severity.ERROR)


def parse(data: dict[str, Any], place: str = "", *, admitted: bool = False) -> FlowMetric:
    """A FlowMetric object with all its problems.

    One that an API server has `admitted` may be of a newer definition: what is unknown and plays
    no part in counting (a field, a chart) is a warning. Its values, such as a match type, are not.
    """
    metadata = data.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name, namespace = (str(metadata.get(key) or "") for key in ("name", "namespace"))
    spec, found = _spec(_without_nulls(data.get("spec")), admitted=admitted)
    problems = [*_head(data), *(problem.under("spec") for problem in found)]
    ignored = [problem for problem in problems if admitted and _is_ignorable(problem)]
    settled = (_as_warning(p) if p in ignored else p for p in problems)
    return FlowMetric(name, namespace, spec, tuple(settled), place, _line(ignored))


def _spec(data: Any, *, admitted: bool) -> tuple[FlowMetricSpec, list[Problem]]:
    """A spec without the fields that do not fit, and what is wrong with all of it.

    Fields that fit are checked further, unless what they depend on does not fit.
    """
    if not isinstance(data, dict):
        data = {}
    problems = [_quoted(problem) for problem in validate.problems(data, FlowMetricSpec)]
    unfit = set(map(_part, problems))
    if admitted:
        unfit = {_CHARTS, *(_part(p) for p in problems if not _is_ignorable(p.under("spec")))}
    fitting = {key: value for key, value in data.items() if key not in unfit}
    spec = validate.convert({"type": "Counter", **fitting}, FlowMetricSpec)
    if unfit.isdisjoint({"labels", "flatten"}):
        further = checks.check(spec)
        problems += (p for p in further if "type" not in unfit or p.severity is Severity.ERROR)
    return spec, problems


def _part(problem: Problem) -> str | int:
    """The field of the spec that does not fit; `type` is the one that must be there."""
    return problem.path[0] if problem.path else "type"


def _is_ignorable(problem: Problem) -> bool:
    """Whether a problem of an object is an unknown field, or of a chart."""
    path = problem.path
    if path[:2] == ("spec", _CHARTS) or (len(path) == 1 and path[0] not in _KEYS):
        return True
    return bool(path) and isinstance(path[-1], Key) and path[:2] != ("spec", _REMAP)


def _as_warning(problem: Problem) -> Problem:
    return warning(problem.path, f"{problem.message}, it is ignored", problem.hint)


def _line(problems: Iterable[Problem]) -> str:
    return "; ".join(f"{dotted(problem.path)}: {problem.message}" for problem in problems)


def _quoted(problem: Problem) -> Problem:
    """YAML reads `value: 17` as a number."""
    if problem.code is Code.UNQUOTED:
        return msgspec.structs.replace(problem, hint="put it in quotes")
    return problem


def _without_nulls(data: Any) -> Any:
    """A null means "not set", as for the API server."""
    if isinstance(data, dict):
        return {key: _without_nulls(item) for key, item in data.items() if item is not None}
    return [_without_nulls(item) for item in data] if isinstance(data, list) else data


def _head(data: dict[str, Any]) -> Iterable[Problem]:
    version, metadata = data.get("apiVersion"), data.get("metadata")
    if version != API_VERSION:
        unknown = f'a {KIND} of apiVersion "{version}" is unknown'
        message = unknown if version else f"this {KIND} has no apiVersion"
        yield Problem(("apiVersion",), message, f"use {API_VERSION}")
    for key in data:
        if key not in _KEYS:
            yield Problem((key,), f'there is no field "{key}" here', nearest(str(key), _KEYS))
    given = metadata if isinstance(metadata, dict) else {}
    name, namespace = given.get("name"), given.get("namespace")
    if not name:
        yield Problem(("metadata", "name"), f"this {KIND} has no name")
    elif not is_name(name):
        hint = "lower case letters, digits, - and ., between letters or digits"
        yield Problem(("metadata", "name"), f'"{name}" is not a valid name of an object', hint)
    if namespace and not is_namespace(namespace):
        message = f'"{namespace}" is not a valid name of a namespace'
        hint = "lower case letters, digits and -, between letters or digits; at most 63"
        yield Problem(("metadata", "namespace"), message, hint)


def without_duplicates(resources: Iterable[FlowMetric]) -> list[FlowMetric]:
    """The same resources; of those that would expose the same name, the first one keeps it.

    Upstream accepts the second one: its registration fails and one of the two is lost, or a
    histogram and a counter expose the same samples.
    """
    objects: dict[str, FlowMetric] = {}
    owners: dict[str, FlowMetric] = {}
    settled = []
    for resource in resources:
        twin = objects.setdefault(resource.identity, resource)
        owner = next((owners[name] for name in resource.sample_names if name in owners), None)
        if twin is not resource:
            settled.append(resource.refused(f"{resource.identity} is defined twice{_also(twin)}"))
        elif owner and resource.ready:
            settled.append(_clashing(resource, owner))
        else:
            settled.append(resource)
            owners |= dict.fromkeys(resource.sample_names if resource.ready else (), resource)
    return settled


def _clashing(resource: FlowMetric, owner: FlowMetric) -> FlowMetric:
    name = next(name for name in resource.sample_names if name in owner.sample_names)
    both = f"{owner.identity} and {resource.identity}"
    message = f'{both} both expose the metric "{name}"{_also(owner)}'
    return resource.refused(message, "give one of them another metricName")


def _also(other: FlowMetric) -> str:
    return f", see {other.place}" if other.place else ""


def _condition(kind: str, reason: str, message: str, *, status: bool) -> dict[str, str]:
    return {"type": kind, "status": str(status), "reason": reason, "message": message}


def _snake(match: MatchType) -> str:
    return re.sub(r"(?<=.)([A-Z])", r"_\1", match).lower()
