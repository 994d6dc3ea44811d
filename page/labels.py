"""Labels that a reader has settled on: what they would be, and their way into a pipeline file."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import msgspec

from discovery import names, networks, words
from discovery.apply import apply as write
from discovery.arranging import arranged
from discovery.manifests import Kind, manifest
from discovery.proposals import Proposal
from page.query import body, quoted, refused
from page.source import Source
from pipeline.api.openapi import Described
from pipeline.diagnostics import ConfigError
from pipeline.flows import cidr
from pipeline.kube.subnets import Label
from pipeline.yaml.object_names import is_namespace


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a POST: labels, and for YAML what it is for.

    `stage` names the stage of the pipeline file where there are several; `namespace` is that of a
    slice.
    """

    labels: list[Label]
    kind: Kind = Kind.STAGE
    namespace: str = ""
    stage: str = ""


class Preview(msgspec.Struct, frozen=True):
    """/api/v0/peers/preview: labels as YAML, and for each how much it covers.

    `sizes` says how many addresses each has, in the order of the labels that were given.
    """

    yaml: str
    sizes: list[str]


class Applied(msgspec.Struct, frozen=True):
    """/api/v0/peers/apply: the labels that are new in the pipeline file, and notes."""

    added: list[Label]
    notes: list[str]


_SPACE = "lower case letters, digits and -, between letters or digits, at most 63"
PREVIEW = Described("What labels would be, as YAML; nothing is written.", Preview, body=Wanted)
APPLY = Described("Write labels into the pipeline file.", Applied, body=Wanted)


def preview(content: bytes) -> Preview:
    """What labels would be. Raises UnansweredError."""
    wanted = body(content, Wanted)
    proposals = _proposals(wanted)
    if wanted.kind is Kind.SLICE and not wanted.namespace:
        raise refused("namespace: a slice is of a namespace: give its name")
    text = manifest(arranged(proposals), wanted.kind, wanted.namespace)
    return Preview(text, [words.counted(one.opened, "address", "es") for one in proposals])


def apply(source: Source, content: bytes) -> Applied:
    """Write labels into the pipeline file, which a running worker reloads.

    Raises UnansweredError: a label is not valid, there is no such file (404), or it cannot be
    changed in place (409).
    """
    wanted = body(content, Wanted)
    proposals = arranged(_proposals(wanted))
    if source.pipeline is None:
        raise refused("there is no pipeline file to write to: copy the YAML", HTTPStatus.NOT_FOUND)
    try:
        edit = write(
            source.pipeline, [Label(one.name, one.cidrs) for one in proposals], wanted.stage
        )
    except ConfigError as error:
        raise refused("; ".join(map(str, error.problems)), HTTPStatus.CONFLICT) from error
    except OSError as error:
        why = f"{source.pipeline} cannot be written: {error.strerror}"
        raise refused(why, HTTPStatus.CONFLICT) from error
    return Applied(edit.added, edit.notes)


def _proposals(wanted: Wanted) -> list[Proposal]:
    """The labels as proposals. Raises UnansweredError, which names what is not valid."""
    problem = next(_problems(wanted), None)
    if problem:
        raise refused(problem)
    return [
        Proposal(name=label.name, cidrs=cidrs, opened=networks.size(cidrs))
        for label in wanted.labels
        for cidrs in [networks.outermost(label.cidrs)]
    ]


def _problems(wanted: Wanted) -> Iterator[str]:
    """The field and the reason of each value that is not valid."""
    if not wanted.labels:
        yield "labels: no label is given"
    if wanted.namespace and not is_namespace(wanted.namespace):
        yield f"namespace: {quoted(wanted.namespace)} is not a valid name of a namespace: {_SPACE}"
    for at, label in enumerate(wanted.labels):
        field, name = f"labels[{at}]", quoted(label.name)
        if not names.is_valid(label.name):
            yield f"{field}.name: {name} is not a valid name of a label: {names.RULE}"
        if not label.cidrs:
            yield f"{field}.cidrs: the label {name} has no network"
        for place, text in enumerate(label.cidrs):
            if not cidr.network(text):
                why = f"label {name}: {quoted(text)} is not a valid CIDR: 192.0.2.0/24"
                yield f"{field}.cidrs[{place}]: {why}"
