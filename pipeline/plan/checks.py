"""Checks of the graph of stages: edges, cycles and ends, metric names, fields of encoders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigPath, Problem, nearest, warning
from pipeline.flows import catalogue
from pipeline.stage import Encoder, Fields, Macro, Source, Spec

LISTS: Fields = frozenset(
    field.name
    for field in catalogue.CATALOGUE.values()
    if isinstance(field.decoded or field.dtype, pl.List)
)
"""The fields of the catalogue that hold lists."""

_SEPARATOR = re.compile("[_.>]")
"""It ends the prefix a stage gives its fields: SrcK8S in SrcK8S_Name."""


@runtime_checkable
class TracksLists(Protocol):
    """A stage that splits fields that hold lists, or gives them other names."""

    def lists(self, fields: Fields) -> Fields:
        """Of fields that hold lists, those that still do after this stage, as then named."""


@runtime_checkable
class NamesFields(Protocol):
    """An encoder that says where it names fields of flows."""

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        """The fields it names, each with the path to where it does."""


class Vertex(NamedTuple):
    """A stage as far as it could be read; `kind` is None where its type is not known."""

    name: str
    follows: str | Sequence[str]
    kind: type[Spec] | None

    @property
    def parents(self) -> dict[ConfigPath, str]:
        """The stages it follows, by the path that names them."""
        if isinstance(self.follows, str):
            return {("follows",): self.follows}
        return {("follows", index): name for index, name in enumerate(self.follows)}


def problems(vertices: Sequence[Vertex]) -> Iterator[Problem]:
    """What is wrong with the graph; paths start with the position of the stage in the list."""
    names: dict[str, int] = {}
    for index, vertex in enumerate(vertices):
        first = names.setdefault(vertex.name, index)
        if vertex.name and first != index:
            yield Problem((index, "name"), f'stage {first + 1} has the name "{vertex.name}" too')
    meant: set[str] = set()
    for index, vertex in enumerate(vertices):
        for problem in _edges(vertex, names, vertices):
            yield problem.under(index)
            meant.add(problem.hint)
        meant.update(vertex.parents.values())
    for index, vertex in enumerate(vertices):
        if vertex.kind and not vertex.kind.final and not {vertex.name, _meant(vertex.name)} & meant:
            yield Problem((index,), "no stage follows it", "end in an encode or write stage")
    yield from _cycles(vertices, names)
    yield from _ends(vertices)


def _edges(
    vertex: Vertex, names: Mapping[str, int], vertices: Sequence[Vertex]
) -> Iterator[Problem]:
    if vertex.kind and not issubclass(vertex.kind, Source) and not vertex.parents:
        yield Problem((), "it follows no stage", "only a source has no `follows`")
    seen: set[str] = set()
    for path, parent in vertex.parents.items():
        if vertex.kind and issubclass(vertex.kind, Source):
            yield Problem(path, f'a source follows no stage, not "{parent}" either')
        elif parent not in names:
            hint = nearest(parent, names) or f"stages are {', '.join(filter(None, names))}"
            yield Problem(path, f'no stage has the name "{parent}"', hint)
        elif parent in seen:
            yield Problem(path, f'"{parent}" is given twice')
        else:
            above = vertices[names[parent]].kind
            if above and above.final:
                message = f'nothing can follow "{parent}"'
                yield Problem(path, message, f"{tag(above)} is the end of a path")
        seen.add(parent)


def _meant(name: str) -> str:
    """The hint that names this stage where another one follows nearly this name."""
    return nearest(name, [name])


def _cycles(vertices: Sequence[Vertex], names: Mapping[str, int]) -> Iterator[Problem]:
    graph = {v.name: [p for p in v.parents.values() if p in names] for v in reversed(vertices)}
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1][:-1]
            first = cycle.index(min(cycle, key=names.__getitem__))
            cycle = cycle[first:] + cycle[:first]
            text = " -> ".join([*cycle, cycle[0]])
            yield Problem((names[cycle[0]], "follows"), f"a cycle: {text}")
            graph = {name: graph[name] for name in graph if name not in cycle}
            graph = {n: [p for p in parents if p in graph] for n, parents in graph.items()}
        else:
            return


def _ends(vertices: Sequence[Vertex]) -> Iterator[Problem]:
    kinds = [vertex.kind for vertex in vertices]
    if None in kinds:
        return
    if not any(kind and issubclass(kind, Source) for kind in kinds):
        yield Problem((), "no source: nothing brings flows in", "add an ingest stage")
    if not any(kind and kind.final for kind in kinds):
        yield Problem((), "no final stage: nothing comes out", "add an encode or write stage")


def tag(kind: type[Spec]) -> str:
    """The YAML `type` of a Spec class."""
    return str(kind.__struct_config__.tag)


class Claim(NamedTuple):
    """A metric of an encoder: its name, its stage and its path there. Empty: the engine's own."""

    metric: str = ""
    stage: str = ""
    path: ConfigPath = ()

    def __str__(self) -> str:
        return f'metric "{self.metric}" of stage "{self.stage}"' if self.stage else "the engine"


class Duplicate(NamedTuple):
    """Two metrics that would expose one name."""

    sample: str
    later: Claim
    first: Claim

    def problem(self, place: object = "") -> Problem:
        """The error, its path inside the later one's stage; `place` is where the first one is."""
        message = f'{self.sample} is exposed by metric "{self.later.metric}" and by {self.first}'
        own = "give it another name, or `self_metrics` another prefix"
        hint = "give each its own name or prefix" if self.first.stage else own
        return Problem(self.later.path, f"{message}, see {place}" if place else message, hint)


def claims(
    stages: Iterable[Spec], reserved: Iterable[str] = ()
) -> tuple[dict[str, Claim], list[Duplicate]]:
    """Which metric has each name that is exposed, and the metrics that would have it too.

    `reserved` are the names of the engine's own metrics.
    """
    taken = dict.fromkeys(reserved, Claim())
    duplicates = []
    by_name = {stage.name: stage for stage in reversed(list(stages))}
    for stage in reversed(by_name.values()):
        for index, family in enumerate(stage.families()):
            claim = Claim(family.name, stage.name, ("metrics", index, "name"))
            names = family.sample_names
            if first := next((name for name in names if name in taken), ""):
                duplicates.append(Duplicate(first, claim, taken[first]))
            else:
                taken |= dict.fromkeys(names, claim)
    return taken, duplicates


def field_warnings(stages: Sequence[Spec]) -> Iterator[tuple[str, Problem]]:
    """Warnings about the fields encoders name, with the encoder's name.

    They are about labels that are still lists, and names that are nearly a field's. The stages have
    no cycle; macros may be replaced or not. What a macro does is not known, so there are no
    warnings about the encoders behind it.
    """
    by_name = {stage.name: stage for stage in stages}
    order = TopologicalSorter({stage.name: stage.parents for stage in stages}).static_order()
    lists: dict[str, Fields] = {}
    texts: dict[str, frozenset[str]] = {}
    for name in order:
        stage = by_name[name]
        coming = frozenset[str]().union(*(lists[parent] for parent in stage.parents))
        known = frozenset[str]().union(*(texts[parent] for parent in stage.parents))
        if isinstance(stage, Source):
            coming = LISTS
        if isinstance(stage, Macro):
            lists[name] = frozenset()
        else:
            lists[name] = stage.lists(coming) if isinstance(stage, TracksLists) else coming
        texts[name] = known.union(_texts(msgspec.to_builtins(stage)))
        behind = any(isinstance(by_name[parent], Macro) for parent in stage.parents)
        if isinstance(stage, Encoder) and not behind:
            found = [*_list_labels(stage, coming), *_misspelt(stage, known)]
            yield from ((name, problem) for problem in found)


def _named(encoder: Encoder) -> Iterator[tuple[ConfigPath, str]]:
    if isinstance(encoder, NamesFields):
        return encoder.named()
    return (((), label) for family in encoder.families() for label in family.labels)


def _list_labels(encoder: Encoder, lists: Fields) -> Iterator[Problem]:
    labels = {label for family in encoder.families() for label in family.labels}
    for path, name in _named(encoder):
        if name in labels and catalogue.root(name) in lists:
            hint = f"flatten {catalogue.root(name)} in a stage before"
            yield warning(path, f'label "{name}" is a list', hint)


def _misspelt(encoder: Encoder, known: frozenset[str]) -> Iterator[Problem]:
    for path, name in _named(encoder):
        prefixes = (name[: found.start()] for found in _SEPARATOR.finditer(name))
        if catalogue.root(name) in catalogue.CATALOGUE or not known.isdisjoint([name, *prefixes]):
            continue
        hint = nearest(name, catalogue.CATALOGUE)
        if hint:
            yield warning(path, f'"{name}" is not a known field', hint)


def _texts(data: object) -> Iterator[str]:
    """Every text in the settings of a stage; the names of fields it may write are among them."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        yield from (text for pair in data.items() for item in pair for text in _texts(item))
    elif isinstance(data, list | tuple):
        yield from (text for item in data for text in _texts(item))
