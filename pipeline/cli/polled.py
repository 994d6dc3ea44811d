"""What workers or a state have counted, asked again and again: the source of a page of theirs."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from threading import Lock

import polars as pl

from page.source import Seen
from pipeline.api import client
from pipeline.api.remote import RemoteError
from pipeline.api.server import UnansweredError
from pipeline.cli.edge_api import seen
from pipeline.cli.series import Origin
from pipeline.cli.sighting import Sighting
from pipeline.diagnostics import Problem
from pipeline.kube.inventory import file
from pipeline.kube.inventory.export import Manifest
from pipeline.state.checkpoint_file import CheckpointError

_LEAST, _SHARE = 3.0, 20
"""Seconds between two looks, at least; and how many times as long as a look takes."""


class Polled:
    """The source of a page about workers or a state; `approved` is its approved matrix.

    `latest` gives the latest flows, if there are any.

    Nothing can be written that a worker reads: there is no pipeline file here, and no folder of
    FlowMetrics.
    """

    def __init__(
        self,
        origin: Origin,
        approved: Path | None,
        latest: Callable[[], pl.DataFrame] = pl.DataFrame,
    ) -> None:
        self.approved = approved
        self.pipeline: Path | None = None
        self.metrics: Path | None = None
        self._origin, self._latest = origin, latest
        self._lock = Lock()
        self._found: tuple[Sighting | None, list[Manifest]] | None = None
        self._seen: Seen | None = None
        self._failure = ""
        self._next = 0.0

    def read(self) -> Seen:
        """What was seen, the same again while nothing has changed.

        Raises NoFactsError, and UnansweredError when a worker does not answer or a state cannot be
        read.
        """
        with self._lock:
            begun = time.monotonic()
            if begun >= self._next:
                self._failure = self._look()
                taken = time.monotonic() - begun
                share = 1 if self._failure else _SHARE  # all who wait meanwhile hear of it at once
                self._next = time.monotonic() + max(_LEAST, share * taken)
            if self._failure:
                raise UnansweredError(HTTPStatus.BAD_GATEWAY, self._failure)
            if self._seen is None:
                raise UnansweredError(HTTPStatus.SERVICE_UNAVAILABLE, "nothing was read yet")
            return self._seen

    def flows(self) -> pl.DataFrame:
        """The latest flows of workers; none of a state: there are sums only."""
        return self._latest()

    def _look(self) -> str:
        """Look again; why nothing can be read, "" where it can."""
        try:
            sighted = self._origin.read().sighting
            found = sighted, self._manifests()
        except (OSError, ValueError, CheckpointError, RemoteError) as error:
            return str(error) or type(error).__name__
        if self._found is None or not _same(found, self._found):
            labels = list(sighted.labels) if sighted else []
            self._seen, self._found = seen(sighted, found[1], labels), found
        return ""

    def _manifests(self) -> list[Manifest]:
        """The objects of the cluster: those of the inventory, or what the first worker knows."""
        if self._origin.inventory:
            problems: list[Problem] = []
            return list(file.manifests(self._origin.inventory, problems))
        if not self._origin.servers:
            return []
        try:
            return client.inventory(self._origin.servers[0]).items
        except RemoteError:
            return []


def _same(
    one: tuple[Sighting | None, list[Manifest]], other: tuple[Sighting | None, list[Manifest]]
) -> bool:
    (first, objects), (second, others) = one, other
    if first is None or second is None:
        return first is second
    return (
        first.facts.edges.equals(second.facts.edges)
        and first.facts.attributes.equals(second.facts.attributes)
        and list(first.labels) == list(second.labels)
        and objects == others
    )
