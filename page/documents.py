"""The documents and actions of the page, by their names under /api/v0/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple, TypeVar

import msgspec
import polars as pl

from matrix.approved import Approved
from matrix.facts import NoFactsError
from page import check, completeness, drift, edge, labels, matrix, metrics, peers, policy, table
from page.answers import Answers
from page.query import asked, refused
from page.source import Seen, Source
from pipeline.api.answer import document
from pipeline.api.openapi import Described
from pipeline.app.documents import Extra
from pipeline.stage.fingerprint import fingerprints

Form = TypeVar("Form", bound=msgspec.Struct)
_SHARE = 40
Ranges = Callable[[Seen], pl.DataFrame]
"""The RANGES of providers that have to do with what was seen."""


class Documents(NamedTuple):
    """Makes documents of a source; equal questions about the same are answered once."""

    source: Source
    answers: Answers

    def of(
        self, described: Described, form: type[Form], make: Callable[[Seen, Form], object]
    ) -> Extra:
        """A document of what was seen, and of the approved file."""

        def answer(query: Mapping[str, str]) -> object:
            question = asked(query, form)
            key = described.summary, question, self._stamp()
            seen = self._seen()
            return self.answers.get(seen, key, lambda: document(make(seen, question)).kept())

        return Extra(answer, described)

    def edges(self, query: Mapping[str, str]) -> object:
        """The document of edges."""
        key = "edges", tuple(sorted(query.items())), self._stamp()
        seen = self._seen()
        try:
            return self.answers.get(
                seen,
                key,
                lambda: document(table.table(seen, self.approved(), query)).kept(),
            )
        except ValueError as error:
            raise refused(str(error)) from error

    def act(self, described: Described, action: Callable[[Source, bytes], object]) -> Extra:
        """An action on the files of the source."""
        return Extra(None, described, lambda content: action(self.source, content))

    def approved(self) -> Approved | None:
        """What is approved, if anything is. Raises UnansweredError."""
        return drift.load(self.source.approved) if self.source.approved else None

    def _stamp(self) -> object:
        """Another one where the approved file is."""
        return fingerprints([one for one in [self.source.approved] if one])

    def _seen(self) -> Seen:
        try:
            return self.source.read()
        except NoFactsError as error:
            raise refused(str(error), HTTPStatus.NOT_FOUND) from error


def documents(source: Source, ranges: Ranges, share: int = _SHARE) -> dict[str, Extra]:
    """What the views ask for and do.

    All answers together take no more than one of `share` parts of the time.
    """
    made = Documents(source, Answers(share))

    def differing(seen: Seen, question: drift.Asked) -> drift.DriftPage:
        known = drift.load(source.approved)
        return drift.drift(seen, known, source.approved.name if source.approved else "", question)

    return {
        "matrix": made.of(
            matrix.DESCRIBED,
            matrix.Asked,
            lambda seen, one: matrix.matrix(seen, made.approved(), one),
        ),
        "edges": Extra(made.edges, table.DESCRIBED),
        "edge": made.of(
            edge.DESCRIBED, edge.Asked, lambda seen, one: edge.edge(seen, made.approved(), one)
        ),
        "peers": made.of(
            peers.DESCRIBED, peers.Peers, lambda seen, one: peers.peers(seen, ranges(seen), one)
        ),
        "peers/preview": made.act(labels.PREVIEW, lambda _, content: labels.preview(content)),
        "peers/apply": made.act(labels.APPLY, labels.apply),
        "policy": made.of(policy.DESCRIBED, policy.Asked, policy.page),
        "policy/yaml": made.of(policy.YAML, policy.Asked, policy.whole),
        "check": made.of(check.DESCRIBED, check.Asked, check.page),
        "drift": made.of(drift.DESCRIBED, drift.Asked, differing),
        "drift/approve": made.act(drift.APPROVE, drift.approve),
        "drift/mark": made.act(drift.MARK, drift.mark),
        "completeness": made.of(completeness.DESCRIBED, completeness.Asked, completeness.page),
        "metrics": Extra(lambda _: metrics.kept(source), metrics.DESCRIBED),
        "metrics/preview": made.act(metrics.PREVIEW, metrics.preview),
        "metrics/save": made.act(metrics.SAVE, metrics.save),
    }
