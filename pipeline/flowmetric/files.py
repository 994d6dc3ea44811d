"""FlowMetrics from files: the files, the objects in them, and their problems."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

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
from pipeline.yaml import kubernetes
from pipeline.yaml.document import Document, content

SUFFIXES = (".yaml", ".yml", ".json")


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
    for file in _files(patterns, folder, problems):
        try:
            text = kubernetes.text_of(content(file), str(file))
            read = kubernetes.documents(text, str(file))
            documents = [document for document in read if document.data is not None]
        except ConfigError as error:
            problems += error.problems
            continue
        problems += [problem for document in documents for problem in document.problems]
        entries += _entries(file, documents, problems)
    resources = without_duplicates(entry.resource for entry in entries)
    for resource, (_, document, path) in zip(resources, entries, strict=True):
        problems += [
            Diagnostic(document.place((*path, *problem.path)), problem)
            for problem in resource.problems
        ]
    return Loaded(resources, problems)


def found(patterns: Iterable[str], folder: Path) -> list[Path]:
    """The files that `load` reads."""
    return _files(patterns, folder, [])


def _files(patterns: Iterable[str], folder: Path, problems: list[Diagnostic]) -> list[Path]:
    files: dict[Path, Path] = {}
    for index, pattern in enumerate(patterns):
        found = _matches(pattern, folder)
        if not found:
            problem = Problem((index,), *_nothing(pattern, folder))
            problems.append(Diagnostic(Location(pattern), problem))
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def _matches(pattern: str, folder: Path) -> list[Path]:
    path = folder / pattern
    if path.is_file():
        return [path]
    if path.is_dir():
        found = list(path.iterdir())
    else:
        # Path.glob refuses absolute patterns.
        names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - see above
        found = [folder / name for name in names]
    return sorted(file for file in found if file.suffix in SUFFIXES and file.is_file())


def _nothing(pattern: str, folder: Path) -> tuple[str, str]:
    """The reason why a pattern matches no file, and a hint with the nearest name."""
    path = folder / pattern
    wanted = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
    if path.is_dir():
        return f'the folder "{pattern}" has no file {wanted}', ""
    parent = path.parent
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    if glob.has_magic(pattern):
        return f'"{pattern}" matches no file {wanted}', nearest(path.name, names)
    hint = nearest(path.name, names) or ("" if names else f'"{parent}" is not a folder or is empty')
    return f'there is no file or folder "{pattern}"', hint


def _entries(file: Path, documents: list[Document], problems: list[Diagnostic]) -> list[_Entry]:
    """The FlowMetrics of a file; other objects are warnings, or errors in a file without one."""
    entries, others = [], []
    for document in documents:
        for path, data in _objects(document.data, ()):
            place = document.place(path)
            if isinstance(data, dict) and data.get("kind") == KIND:
                entries.append(_Entry(parse(data, str(place)), document, path))
            else:
                message = f"{_called(data)} is not a {KIND}, it is ignored"
                others.append(Diagnostic(place, warning((), message, _hint(data))))
    if entries:
        problems += others
    else:
        hint = next((other.problem.hint for other in others if other.problem.hint), "")
        problems.append(
            Diagnostic(Location(str(file)), Problem((), f"no {KIND} in this file", hint))
        )
    return entries


def _objects(data: Any, path: ConfigPath) -> Iterator[tuple[ConfigPath, Any]]:
    """The objects of a document, those of a List one by one."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind in {"List", f"{KIND}List"} and isinstance(data.get("items"), list):
        for index, item in enumerate(data["items"]):
            yield from _objects(item, (*path, "items", index))
    else:
        yield path, data


def _called(data: object) -> str:
    kind = data.get("kind") if isinstance(data, dict) else None
    return f'a "{kind}"' if kind else "an object without kind"


def _hint(data: object) -> str:
    kind = data.get("kind") if isinstance(data, dict) else None
    return nearest(str(kind), [KIND]) if kind else ""
