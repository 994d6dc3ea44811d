"""A FlowCollector out of a file: read, checked, and what stands beside it in the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config.flowcollector import checks
from pipeline.config.flowcollector.spec import API_VERSION, KIND, FlowCollectorSpec
from pipeline.diagnostics import (
    ConfigError,
    ConfigPath,
    Diagnostic,
    Key,
    Location,
    Problem,
    Severity,
    nearest,
    refusal,
    warning,
)
from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object
from pipeline.yaml import kubernetes, validate
from pipeline.yaml.document import Document, content

_KEYS = ("apiVersion", "kind", "metadata", "spec", "status")
_SLICE = "FlowCollectorSlice"


class Slice(NamedTuple):
    """What the owner of a namespace asks for: FlowCollectorSlice, the parts that matter here."""

    namespace: str
    sampling: int = 0
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Collector(NamedTuple):
    """A FlowCollector, the FlowCollectorSlices and the other objects that are in its file."""

    spec: FlowCollectorSpec
    slices: list[Slice]
    objects: list[Object]
    warnings: list[Diagnostic]


def load(path: Path) -> Collector:
    """The one FlowCollector of a file, YAML or JSON, of one or several documents or a List.

    Raises ConfigError with everything that is wrong with it.
    """
    text = kubernetes.text_of(content(path), str(path))
    found = [
        (document, at, data)
        for document in kubernetes.documents(text, str(path))
        if document.data is not None
        for at, data in kubernetes.objects(document.data, KIND)
    ]
    collectors = [one for one in found if _kind(one[2]) == KIND]
    if len(collectors) != 1:
        raise _not_one(str(path), collectors, found)
    document, at, data = collectors[0]
    problems = [
        *document.problems,
        *(Diagnostic(document.place((*at, *p.path)), p) for p in _problems(data)),
    ]
    if any(found.problem.severity is Severity.ERROR for found in problems):
        raise ConfigError(sorted(problems, key=lambda one: one.place))
    others = [one for _, _, one in found if isinstance(one, dict) and one is not data]
    spec = validate.convert(_given(data["spec"]), FlowCollectorSpec)
    slices = sorted(_slice(one) for one in others if _kind(one) == _SLICE)
    return Collector(spec, slices, [objects.of(one) for one in others], problems)


def _kind(data: object) -> str:
    return str(data.get("kind") or "") if isinstance(data, dict) else ""


def _not_one(
    name: str,
    collectors: list[tuple[Document, ConfigPath, Any]],
    found: list[tuple[Document, ConfigPath, Any]],
) -> ConfigError:
    """The error of a file with no FlowCollector, or several."""
    if collectors:
        document, at, _ = collectors[1]
        return refusal(document.place(at), f"a second {KIND}: a cluster has one")
    if not found:
        return refusal(Location(name), f"no {KIND} in this file")
    document, at, data = found[0]
    kind = _kind(data)
    message = f'a "{kind}" is not a {KIND}' if kind else f"this is not a {KIND}: it has no kind"
    place = document.place((*at, "kind") if kind else at)
    return refusal(place, message, nearest(kind, [KIND]) or f"write kind: {KIND}")


def _problems(data: dict[str, Any]) -> Iterator[Problem]:
    """All problems of a FlowCollector; unknown fields that are no typing errors are warnings."""
    version, spec = data.get("apiVersion"), data.get("spec")
    if version != API_VERSION:
        unknown = f'a {KIND} of apiVersion "{version}" is unknown'
        message = unknown if version else f"this {KIND} has no apiVersion"
        yield Problem(("apiVersion",), message, f"use {API_VERSION}")
    for key in data:
        if key not in _KEYS:
            hint = nearest(str(key), _KEYS)
            yield Problem((Key(key),), f'there is no field "{key}" here', hint)
    if not isinstance(spec, dict):
        yield Problem((), f"this {KIND} has no spec")
        return
    given = _given(spec)
    found = [_eased(problem) for problem in validate.problems(given, FlowCollectorSpec)]
    yield from (problem.under("spec") for problem in found)
    if all(problem.severity is not Severity.ERROR for problem in found):
        fitting = validate.convert(given, FlowCollectorSpec)
        yield from (problem.under("spec") for problem in checks.check(fitting))


def _eased(problem: Problem) -> Problem:
    """A field that a newer operator may have is ignored; one that is nearly another is not."""
    if problem.message != "unknown field" or problem.hint.startswith("did you mean"):
        return problem
    return warning(problem.path, "this field is not known here, it is ignored")


def _given(data: Any) -> Any:
    """A null means "not set", as for the API server."""
    if isinstance(data, dict):
        return {key: _given(item) for key, item in data.items() if item is not None}
    return [_given(item) for item in data] if isinstance(data, list) else data


def _slice(data: dict[str, Any]) -> Slice:
    spec = data.get("spec") or {}
    labels = tuple(
        (str(label.get("name")), tuple(map(str, label.get("cidrs") or ())))
        for label in spec.get("subnetLabels") or ()
    )
    namespace = str((data.get("metadata") or {}).get("namespace") or "")
    return Slice(namespace, int(spec.get("sampling") or 0), labels)
