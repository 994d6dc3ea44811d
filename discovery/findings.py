"""Everything that is found about unnamed peers, from edges, lists of ranges and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from discovery import ranges, words
from discovery.freshness import Stale, stale
from discovery.peers import unnamed
from discovery.placing import Rules
from discovery.proposals import Proposal, propose
from pipeline.kube import subnets
from pipeline.kube.subnets import Label


class Scope(NamedTuple):
    """Which peers are asked for, and how networks are made for them.

    `namespace`: only its peers ("": all). `unanswered`: peers without an established connection
    too. `whole`: all ranges of a service, not only those reached. `rules`: see placing.
    """

    namespace: str = ""
    unanswered: bool = False
    whole: bool = False
    rules: Rules = Rules()


class Findings(NamedTuple):
    """What was found: proposals, labels that are not up to date, the lists used, notes."""

    proposals: Sequence[Proposal]
    stale: Sequence[Stale] = ()
    lists: Sequence[str] = ()
    notes: Sequence[str] = ()


def find(
    edges: pl.DataFrame,
    questions: pl.DataFrame,
    known: pl.DataFrame,
    labels: Sequence[Label] = (),
    scope: Scope = Scope(),  # noqa: B008 - it cannot change
    *,
    beyond: int = 0,
) -> Findings:
    """The findings of EDGES, with names asked for (asked.QUESTIONS), RANGES and present labels.

    No CIDR that is made goes into a network of a label. `beyond` is the number of flows that are
    in no edge.
    """
    peers = unnamed(edges, scope.namespace, unanswered=scope.unanswered)
    taken = (*scope.rules.taken, *(net for net, _ in subnets.listed(labels)))
    rules = scope.rules._replace(taken=taken)
    found = propose(peers.rows, known, questions, rules, whole=scope.whole)
    lists = ranges.titles(known)
    return Findings(found, stale(labels, known), lists, words.notes(peers, lists, beyond))
