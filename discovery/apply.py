"""Labels written into a pipeline file in place: comments, order and formatting stay.

What is written is read again, and nothing but the labels may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from discovery import insertion, networks
from pipeline import config
from pipeline.config.loader import Config
from pipeline.diagnostics import ConfigError, Location, listed, nearest, refusal
from pipeline.flows.prefix_table import PrefixTable
from pipeline.kube import subnets
from pipeline.kube.subnets import Label
from pipeline.stage import Spec
from pipeline.yaml import document
from pipeline.yaml.replacing import replace

_TYPE = "subnet_label"
_LABELS = "labels"


class Edit(NamedTuple):
    """A new text of a file, the labels that are new in it, and what a reader should know."""

    text: str
    added: list[Label]
    notes: list[str]


def apply(path: Path, labels: Sequence[Label], stage: str = "") -> Edit:
    """Add labels to the subnet_label stage of a file, all or nothing; the name keeps its file.

    `stage` names the stage where there are several. What the stage has already is not added
    again; without anything new the file stays as it is. Raises ConfigError when the file is not
    valid, has no such stage, cannot be changed in place or has changed meanwhile, and OSError.
    """
    before = document.content(path)
    edit = edited(document.read(path), path, labels, stage)
    if edit.added:
        replace(path, before, edit.text.encode())
    return edit


def edited(text: str, path: Path, labels: Sequence[Label], stage: str = "") -> Edit:
    """The text with the labels added; `path` is its file. Raises ConfigError."""
    loaded = config.loads(text, str(path), path.parent)
    chosen = _stage(loaded, str(path), stage)
    added, notes = _new(chosen, labels)
    if not added:
        return Edit(text, [], notes)
    at = loaded.place(chosen.name, (_LABELS,))
    changed = insertion.inserted(text, at, loaded.place(chosen.name), added)
    expected = tuple(
        _with(spec, added) if _shares(loaded, spec, at) else spec for spec in loaded.stages
    )
    if changed is None or not _reads_as(changed, path, expected):
        message = f'stage "{chosen.name}": its labels cannot be added to in place'
        raise refusal(at, message, "they are an alias, or shared with another stage: add by hand")
    return Edit(changed, added, notes)


def _stage(loaded: Config, file: str, name: str) -> Any:
    """The stage to change; Any, as its class is found by its type."""
    found = {spec.name: spec for spec in loaded.stages if _is_labelling(spec)}
    if not found:
        before = next((spec.name for spec in loaded.stages), "flows")
        raise refusal(
            Location(file),
            f"the file has no stage of type {_TYPE}",
            f"add one after the stage that gives addresses, such as"
            f" {{name: subnets, type: {_TYPE}, follows: {before}, labels: [...]}},"
            " and let the stages that read subnet labels follow it",
        )
    if name and name not in found:
        hint = nearest(name, found) or f"there are {listed(found)}"
        raise refusal(Location(file), f'no stage of type {_TYPE} is called "{name}"', hint)
    if not name and len(found) > 1:
        hint = f"name one of {', '.join(found)}"
        raise refusal(Location(file), f"the file has several stages of type {_TYPE}", hint)
    return found[name] if name else next(iter(found.values()))


def _is_labelling(spec: Spec) -> bool:
    return spec.__struct_config__.tag == _TYPE


def _new(spec: Any, labels: Sequence[Label]) -> tuple[list[Label], list[str]]:
    """The labels that say more than the stage does, and what is left out."""
    listed = list(subnets.listed(spec.labels))
    own = {(str(net), name) for net, name in listed}
    table = PrefixTable(listed)
    added, notes = [], []
    for label in labels:
        fresh = []
        for net in networks.read(label.cidrs):
            first = table.first_around(net) if spec.match == "first" else None
            if (str(net), label.name) in own:
                continue
            if first and first[1] != label.name:
                notes.append(f'{net} is not added to "{label.name}": it is named "{first[1]}"')
            else:
                fresh.append(str(net))
        if fresh:
            added.append(Label(label.name, fresh))
    return added, notes


def _shares(loaded: Config, spec: Spec, at: Location) -> bool:
    """Whether the labels of a stage are those that stand at a place."""
    return _is_labelling(spec) and loaded.place(spec.name, (_LABELS,)) == at


def _with(spec: Any, added: Sequence[Label]) -> Any:
    return msgspec.structs.replace(spec, labels=[*spec.labels, *added])


def _reads_as(text: str, path: Path, expected: tuple[Any, ...]) -> bool:
    try:
        return config.loads(text, str(path), path.parent).stages == expected
    except ConfigError:
        return False
