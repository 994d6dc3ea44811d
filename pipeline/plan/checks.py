"""Checks of the graph of stages: edges, cycles and ends, metric names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from pipeline.diagnostics import ConfigPath, Problem, nearest
from pipeline.stage import Source, Spec


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
