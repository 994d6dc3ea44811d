"""Peers without a name, and the labels proposed for them: /api/v0/peers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
import polars as pl
from msgspec import Meta

from discovery import words
from discovery.asked import QUESTIONS
from discovery.findings import Findings, Scope, find
from discovery.proposals import Alternative, AskedName, Proposal, Workload
from page.query import parameters
from page.source import Seen
from page.times import stamp
from pipeline.api.openapi import Described


class Peers(msgspec.Struct, frozen=True, kw_only=True):
    """What of the peers is asked for."""

    namespace: Annotated[str, Meta(description="Only the peers of this namespace.")] = ""
    every: Annotated[
        bool, Meta(description="Also peers with which no connection was established.")
    ] = False


class Proposed(msgspec.Struct, frozen=True, kw_only=True):
    """A subnet label that would name peers, and the evidence for it.

    `cidrs` are the networks, `size` says how many addresses they have, `seen` lists those that were
    seen. `published` is the list that has them, `further` are the other ranges of the same service.
    `evidence` are sentences.
    """

    name: str
    cidrs: tuple[str, ...]
    size: str
    provider: str
    service: str
    region: str
    published: str
    roles: tuple[str, ...]
    workloads: tuple[Workload, ...]
    ports: tuple[str, ...]
    flows: int
    bytes: int
    first_seen: datetime | None
    last_seen: datetime | None
    seen: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    further: tuple[str, ...]
    asked_names: tuple[AskedName, ...]
    evidence: tuple[str, ...]


class PeersPage(msgspec.Struct, frozen=True, kw_only=True):
    """/api/v0/peers: proposals, those with most bytes first.

    `stale` says which labels in force lack ranges that their service publishes. `lists` are the
    lists of ranges that were looked in.
    """

    proposals: list[Proposed]
    stale: list[str]
    lists: list[str]
    notes: list[str]


DESCRIBED = Described(
    "Peers outside the cluster that have no name, and subnet labels proposed for them.",
    PeersPage,
    parameters(Peers),
)


def peers(seen: Seen, ranges: pl.DataFrame, question: Peers) -> PeersPage:
    """The proposals for what was seen, from the RANGES that providers publish."""
    scope = Scope(question.namespace, unanswered=question.every)
    questions = seen.questions.match_to_schema(QUESTIONS)
    found = find(seen.edges(), questions, ranges, seen.labels, scope, beyond=seen.beyond)
    return _page(found)


def _page(found: Findings) -> PeersPage:
    return PeersPage(
        proposals=[_proposed(one) for one in found.proposals],
        stale=[words.stale_line(one) for one in found.stale],
        lists=list(found.lists),
        notes=list(found.notes),
    )


def _proposed(one: Proposal) -> Proposed:
    values = {name: getattr(one, name) for name in Proposed.__struct_fields__ if hasattr(one, name)}
    values |= {"first_seen": stamp(one.first_seen), "last_seen": stamp(one.last_seen)}
    size = words.counted(one.opened, "address", "es")
    evidence = tuple(words.lines(one))
    more = values | {"published": one.list}
    return Proposed(**more, size=size, seen=one.addresses, evidence=evidence)
