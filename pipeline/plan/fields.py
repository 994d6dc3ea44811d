"""Warnings about the fields that stages name, as far as it is known which fields flows have there.

Flows of JSON may have any field: there a name is only warned about when it is nearly a known one.
Flows of protobuf have those of the catalogue, and some stages leave only what they make themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from pipeline.diagnostics import ConfigPath, Problem, nearest, warning
from pipeline.flows import catalogue
from pipeline.stage import Encoder, Fields, Macro, Source, Spec

LISTS: Fields = frozenset(
    field.name for field in catalogue.CATALOGUE.values() if field.kind.endswith("[]")
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
    """A stage that says where it names fields of the flows that come to it."""

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        """The fields it names, each with the path to where it does."""


@runtime_checkable
class MakesFields(Protocol):
    """A stage that says which fields it makes; of other stages every text may be such a field."""

    def makes(self) -> tuple[Fields, bool]:
        """These fields, and whether the others stay beside them."""


class Known(NamedTuple):
    """What is known of the fields of flows; `whole`: they have no others."""

    names: Fields = frozenset(catalogue.CATALOGUE)
    whole: bool = False

    def problems(self, name: str, path: ConfigPath) -> Iterator[Problem]:
        """A warning when no flow has this field, or when it is probably misspelt."""
        prefixes = (name[: found.start()] for found in _SEPARATOR.finditer(name))
        if not self.names.isdisjoint([name, *prefixes]):
            return
        hint = nearest(name, catalogue.CATALOGUE.keys() & self.names or self.names)
        if hint or self.whole:
            message = f'"{name}" is not a known field'
            yield warning(path, message, hint or "no stage before this one makes it")

    def after(self, stage: Spec) -> Known:
        """What is known behind a stage to which such flows come."""
        if isinstance(stage, Source):
            return Known(whole=getattr(stage, "decoder", "") == "protobuf")
        if isinstance(stage, MakesFields):
            made, others_stay = stage.makes()
            return Known(self.names | made, self.whole) if others_stay else Known(made, whole=True)
        return Known(self.names.union(_texts(msgspec.to_builtins(stage))), self.whole)


def field_warnings(stages: Sequence[Spec]) -> Iterator[tuple[str, Problem]]:
    """Warnings about the fields stages name, with the stage's name.

    They are about labels that are still lists, and fields that are not known. The stages have no
    cycle; macros may be replaced or not. What a macro does is not known, so there are no warnings
    about the stages behind it.
    """
    by_name = {stage.name: stage for stage in stages}
    order = TopologicalSorter({stage.name: stage.parents for stage in stages}).static_order()
    lists: dict[str, Fields] = {}
    known: dict[str, Known | None] = {}
    for name in order:
        stage = by_name[name]
        coming = frozenset[str]().union(*(lists[parent] for parent in stage.parents))
        if isinstance(stage, Source):
            coming = LISTS
        lists[name] = stage.lists(coming) if isinstance(stage, TracksLists) else coming
        before = _joined([known[parent] for parent in stage.parents])
        known[name] = before and before.after(stage)
        if isinstance(stage, Macro):
            known[name] = None
        elif before and stage.parents:
            found = [*_list_labels(stage, coming), *_unknown(stage, before)]
            yield from ((name, problem) for problem in found)


def _joined(parents: Sequence[Known | None]) -> Known | None:
    """What is known of flows that come from several stages; None when nothing is known of some."""
    known = [parent for parent in parents if parent]
    if len(known) < len(parents):
        return None
    if not known:
        return Known()
    names = frozenset[str]().union(*(one.names for one in known))
    return Known(names, all(one.whole for one in known))


def _named(stage: Spec) -> Iterator[tuple[ConfigPath, str]]:
    if isinstance(stage, NamesFields):
        yield from stage.named()
    else:
        yield from (((), label) for family in stage.families() for label in family.labels)


def _list_labels(stage: Spec, lists: Fields) -> Iterator[Problem]:
    if not isinstance(stage, Encoder):
        return
    labels = {label for family in stage.families() for label in family.labels}
    for path, name in _named(stage):
        if name in labels and catalogue.root(name) in lists:
            hint = f"flatten {catalogue.root(name)} in a stage before"
            yield warning(path, f'label "{name}" is a list', hint)


def _unknown(stage: Spec, known: Known) -> Iterator[Problem]:
    for path, name in _named(stage):
        yield from known.problems(name, path)


def _texts(data: object) -> Iterator[str]:
    """Every text in the settings of a stage; the names of fields it may write are among them."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        yield from (text for pair in data.items() for item in pair for text in _texts(item))
    elif isinstance(data, list | tuple):
        yield from (text for item in data for text in _texts(item))
