"""The live drift of a worker's edges from an approved matrix, as a gauge."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Self

from matrix import approved, drift_names
from matrix.approved import Approved, Drift
from matrix.facts import NoFactsError
from pipeline.app.job import Job
from pipeline.cli.edge_api import Edges
from pipeline.diagnostics import ConfigError
from pipeline.stage.fingerprint import fingerprints
from pipeline.timing.periodic import Periodic

_PERIOD = 15.0
"""Seconds between two comparisons."""
_log = logging.getLogger(__name__)


class DriftWatch:
    """Compares edges with the approved file of the configuration, now and then, while it is open.

    A file that is not valid leaves the one before in force, and `drift_refused` is 1. A member of a
    consumer group sees the edges of its own partitions alone, so it cannot say that one is gone: it
    names the edges, for a query over all members to say so.
    """

    def __init__(self, job: Job, edges: Edges, period: float = _PERIOD) -> None:
        name = job.settings.matrix.approved
        self._path: Path | None = job.config.folder / name if name else None
        self._job, self._edges = job, edges
        self._approved: Approved | None = None
        self._stamp: object = None
        self._watch = Periodic("the comparison with the approved edges", self.compare, period)

    def compare(self) -> None:
        """Bring the gauges up to date."""
        if self._path is None:
            return
        self._load(self._path)
        if self._approved is None:
            return
        try:
            edges = self._edges.read().edges()
        except NoFactsError as error:
            _log.warning("nothing to compare with %s: %s", self._path, error)
            return
        found = approved.drift(edges, self._approved)
        held = approved.counts(found, self._approved.namespaces)
        if self._job.subscribes:
            held = {key: number for key, number in held.items() if key[1] != Drift.GONE.value}
        telemetry = self._job.telemetry
        telemetry.replace("drift_edges", {key: float(n) for key, n in held.items()})
        telemetry.replace("drift_edge", drift_names.differing(found, self._approved.namespaces))
        telemetry.replace("drift_approved_seen", drift_names.seen(found, self._approved))

    def __enter__(self) -> Self:
        if self._path is not None:
            self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.close()

    def _load(self, path: Path) -> None:
        """Read the file when it has changed; one that is not valid is refused."""
        stamp = fingerprints([path])
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._approved = approved.load(path)
        except ConfigError as error:
            for problem in error.problems:
                _log.error("%s", problem)
            self._job.telemetry.set("drift_refused", 1)
            return
        self._job.telemetry.set("drift_refused", 0)
