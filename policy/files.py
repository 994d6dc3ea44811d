"""NetworkPolicies from files, or as a cluster has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.diagnostics import (
    ConfigError,
    Diagnostic,
    Location,
    Problem,
    Severity,
    nearest,
    warning,
)
from pipeline.yaml import files, kubernetes
from pipeline.yaml.document import Document, content
from policy import checks
from policy.networkpolicy import API_VERSION, KIND, NetworkPolicy, parse
from policy.objects import Manifest

_STAGED = "StagedKubernetesNetworkPolicy"
MAX_SIZE = 256 * 2**20
"""Bytes of a file: all policies of a large cluster are in one."""


class Loaded(NamedTuple):
    """The policies, and warnings about what is not one."""

    policies: list[NetworkPolicy]
    warnings: list[Diagnostic]


def load(patterns: Iterable[str], folder: Path, namespace: str = "") -> Loaded:
    """The policies of files, folders and globs; relative names start at `folder`.

    A file has one or more documents, Lists too. Objects of other kinds are warnings. `namespace` is
    for policies that name none (then it is "default"). Raises ConfigError with all that is wrong.
    """
    problems: list[Diagnostic] = []
    found: list[NetworkPolicy] = []
    for file in files.matching(patterns, folder, problems):
        try:
            own = list(_of_file(file, problems, namespace))
        except ConfigError as error:
            problems += error.problems
            continue
        if not own and not _errors(
            problem for problem in problems if problem.place.file == str(file)
        ):
            problems.append(Diagnostic(Location(str(file)), Problem((), f"no {KIND} in this file")))
        found += own
    problems += _twice(found)
    if _errors(problems):
        raise ConfigError(problems)
    return Loaded(found, problems)


def in_force(manifests: Iterable[Manifest]) -> list[NetworkPolicy]:
    """The policies that a cluster has. Raises ConfigError for one that no API server accepts."""
    problems: list[Diagnostic] = []
    found = []
    for data in manifests:
        meta = data.get("metadata") or {}
        place = Location(f"{KIND} {meta.get('namespace', '')}/{meta.get('name', '')}")
        own = checks.problems({"apiVersion": API_VERSION, **data})
        problems += (Diagnostic(place, problem) for problem in own)
        found += [] if own else [parse({"apiVersion": API_VERSION, **data}, place)]
    if problems:
        raise ConfigError(problems)
    return found


def _of_file(file: Path, problems: list[Diagnostic], namespace: str) -> Iterator[NetworkPolicy]:
    text = kubernetes.text_of(content(file, MAX_SIZE), str(file))
    for document in kubernetes.documents(text, str(file)):
        problems += document.problems
        if document.data is not None:
            yield from _of_document(document, problems, namespace)


def _of_document(
    document: Document, problems: list[Diagnostic], namespace: str
) -> Iterator[NetworkPolicy]:
    for path, given in kubernetes.objects(document.data, KIND):
        place, data = document.place(path), _unstaged(given)
        if not isinstance(data, dict) or data.get("kind") != KIND:
            problems.append(Diagnostic(place, _other(data)))
            continue
        own = checks.problems(data)
        problems += (Diagnostic(document.place((*path, *one.path)), one) for one in own)
        if not own:
            yield parse(data, place, namespace)


def _unstaged(data: Any) -> Any:
    """Calico's staged policies are those of Kubernetes, with an action beside the spec's fields."""
    if not isinstance(data, dict) or data.get("kind") != _STAGED:
        return data
    spec = data.get("spec")
    if isinstance(spec, dict):
        spec = {name: value for name, value in spec.items() if name != "stagedAction"}
    return {**data, "apiVersion": API_VERSION, "kind": KIND, "spec": spec}


def _errors(problems: Iterable[Diagnostic]) -> bool:
    return any(one.problem.severity is Severity.ERROR for one in problems)


def _other(data: Any) -> Problem:
    """An object of another kind: one that has ours misspelt is an error."""
    kind = str(data.get("kind") or "") if isinstance(data, dict) else ""
    if not kind:
        return Problem((), f"an object without kind is not a {KIND}")
    ours = str(data.get("apiVersion") or API_VERSION) == API_VERSION
    hint = nearest(kind, [KIND]) if ours else ""
    message = f'a "{kind}" is not a {KIND}, it is ignored'
    return Problem((), f'unknown kind "{kind}"', hint) if hint else warning((), message)


def _twice(found: Iterable[NetworkPolicy]) -> Iterator[Diagnostic]:
    first: dict[str, NetworkPolicy] = {}
    for one in found:
        other = first.setdefault(str(one), one)
        if other is not one:
            message = f"{KIND} {one} is given twice, first at {other.place}"
            yield Diagnostic(one.place, Problem((), message))
