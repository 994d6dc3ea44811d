"""Edges over HTTP: /api/v0/edges of a running worker."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from threading import Lock

import polars as pl

from matrix.edge_page import DESCRIBED, EdgePage, page
from matrix.facts import NoFactsError
from pipeline.api.server import UnansweredError
from pipeline.app.documents import Extra
from pipeline.app.job import Job
from pipeline.cli.sighting import known, sighting
from pipeline.state.count_store import facts as facts_of


class Edges:
    """The edges of a job, made from its facts when these have changed.

    In a consumer group they are those of the partitions that this worker owns.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lock = Lock()
        self._facts: dict[str, pl.DataFrame] = {}
        self._edges: tuple[pl.DataFrame, int] | None = None

    def read(self) -> tuple[pl.DataFrame, int]:
        """The edges, and how many flows are beyond a limit. Raises NoFactsError."""
        with self._lock:
            found = facts_of(self._job.counts)
            if self._edges is None or not _same(found, self._facts):
                seen = sighting(found, *known(self._job))
                if seen is None:
                    raise NoFactsError("no edges are counted: add a stage of type encode_matrix")
                self._facts, self._edges = found, (seen.edges(), seen.facts.beyond)
            return self._edges

    def answer(self, query: Mapping[str, str]) -> EdgePage:
        """A page of edges. Raises UnansweredError."""
        try:
            return page(*self.read(), query)
        except NoFactsError as error:
            raise UnansweredError(HTTPStatus.NOT_FOUND, str(error)) from error
        except ValueError as error:
            raise UnansweredError(HTTPStatus.BAD_REQUEST, str(error)) from error


def documents(edges: Edges) -> dict[str, Extra]:
    """The documents about edges, by name."""
    return {"edges": Extra(edges.answer, DESCRIBED)}


def _same(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> bool:
    return one.keys() == other.keys() and all(one[name].equals(other[name]) for name in one)
