"""FlowMetrics from files: the files, the objects in them, and their problems."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pipeline.diagnostics import (
    ConfigError,
    ConfigPath,
    Diagnostic,
    Location,
    Problem,
    nearest,
    warning,
)
from pipeline.flowmetric.resource import FlowMetric, parse, without_duplicates
from pipeline.flowmetric.spec import KIND
from pipeline.yaml import files, kubernetes
from pipeline.yaml.document import Document, content


class Loaded(NamedTuple):
    """Every FlowMetric found, ready or not, and every problem (theirs included) with its place."""

    resources: list[FlowMetric]
    problems: list[Diagnostic]

    def with_others(self, others: Iterable[FlowMetric]) -> list[FlowMetric]:
        """The resources of the files, then others, whose problems the caller reports."""
        return [
            *self.resources,
            *without_duplicates([*self.resources, *others])[len(self.resources) :],
        ]


class _Entry(NamedTuple):
    """A resource, and where it was written."""

    resource: FlowMetric
    document: Document
    path: ConfigPath


def load(patterns: Iterable[str], folder: Path) -> Loaded:
    """The FlowMetrics of files, folders and globs; relative names start at `folder`.

    A file may hold several documents and Lists. Folders and globs give the .yaml, .yml and .json
    files in them, in order of their names. Errors in one file or resource do not
    affect the others.
    """
    problems: list[Diagnostic] = []
    entries: list[_Entry] = []
    for file in files.matching(patterns, folder, problems):
        try:
            entries += _entries(kubernetes.text_of(content(file), str(file)), str(file), problems)
        except ConfigError as error:
            problems += error.problems
    return _loaded(entries, problems)


def loads(text: str, name: str) -> Loaded:
    """The FlowMetrics of a text; `name` stands for the file in places. Otherwise as `load`."""
    problems: list[Diagnostic] = []
    try:
        return _loaded(_entries(text, name, problems), problems)
    except ConfigError as error:
        return Loaded([], [*problems, *error.problems])


def found(patterns: Iterable[str], folder: Path) -> list[Path]:
    """The files that `load` reads."""
    return files.matching(patterns, folder, [])


def _loaded(entries: list[_Entry], problems: list[Diagnostic]) -> Loaded:
    """The resources, of equal ones the first, with their problems behind those of the files."""
    resources = without_duplicates(entry.resource for entry in entries)
    for resource, (_, document, path) in zip(resources, entries, strict=True):
        problems += [
            Diagnostic(document.place((*path, *problem.path)), problem)
            for problem in resource.problems
        ]
    return Loaded(resources, problems)


def _entries(text: str, name: str, problems: list[Diagnostic]) -> list[_Entry]:
    """The FlowMetrics of a text; other objects are warnings, or errors in a text without one.

    Raises ConfigError for YAML that cannot be read.
    """
    read = kubernetes.documents(text, name)
    documents = [document for document in read if document.data is not None]
    problems += [problem for document in documents for problem in document.problems]
    entries, others = [], []
    for document in documents:
        for path, data in kubernetes.objects(document.data, KIND):
            place = document.place(path)
            if isinstance(data, dict) and data.get("kind") == KIND:
                entries.append(_Entry(parse(data, str(place)), document, path))
            else:
                others.append((place, f"{_called(data)} is not a {KIND}", _hint(data)))
    if entries:
        for place, message, hint in others:
            ignored = warning((), f"{message}, it is ignored", hint)
            problems.append(Diagnostic(place, ignored))
    else:
        near = next(((f": {message}", hint) for _, message, hint in others if hint), ("", ""))
        problem = Problem((), f"no {KIND} in this file{near[0]}", near[1])
        problems.append(Diagnostic(Location(name), problem))
    return entries


def _called(data: object) -> str:
    kind = data.get("kind") if isinstance(data, dict) else None
    return f'a "{kind}"' if kind else "an object without kind"


def _hint(data: object) -> str:
    kind = data.get("kind") if isinstance(data, dict) else None
    return nearest(str(kind), [KIND]) if kind else ""
