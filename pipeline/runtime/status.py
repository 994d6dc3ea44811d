"""Whether a worker is ready, and why not: for /readyz, the log and the self-metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from pipeline.exposition.self_metrics import Telemetry

_log = logging.getLogger(__name__)


_SUSPECTED = 300.0
"""Seconds for which a suspicion is said: what it is about comes back when it was ready again."""


class Status:
    """Whoever finds out sets it; any thread may read it."""

    def __init__(self, telemetry: Telemetry, clock: Callable[[], float] = time.monotonic) -> None:
        self.not_ready = "not started"
        """Why it is not ready; "" when it is."""
        self._telemetry = telemetry
        self._logged: set[str] = set()
        self._lost = ""
        self._suspicion, self._suspected = "", 0.0
        self._clock = clock
        telemetry.set("kafka_ready", 0)

    def set(self, reason: str) -> None:
        """It is not ready, for this reason; "" when it is ready."""
        if not reason:
            self._logged.clear()
            self._lost = ""
        self._telemetry.set("kafka_ready", 0 if reason else 1)
        is_recent = self._clock() - self._suspected <= _SUSPECTED
        also = self._lost or (self._suspicion if is_recent else "")
        self.not_ready = f"{reason} ({also})" if reason and also else reason

    def suspect(self, what: str) -> None:
        """Something is wrong with the group, if only perhaps: each reason is said with it."""
        if what != self._suspicion:
            _log.warning("%s", what)
        self._suspicion, self._suspected = what, self._clock()

    def end(self) -> None:
        """It does not count any more, and will not."""
        self._lost = self._suspicion = ""
        self.set("it has ended")

    def problem(self, reason: str, error: str) -> None:
        """It is not ready because of an error of this name, and tries again.

        Each reason is logged once, until it is ready again; whoever reads it finds it in the log
        and in the self-metrics, too.
        """
        self._telemetry.add("kafka_errors", 1, error)
        self._log_once(f"{reason}; trying again")
        self.set(reason)

    def lost(self, reason: str) -> None:
        """A membership has ended and another one begins; what it waits for is said with this."""
        self._log_once(f"{reason}; joining again")
        self._lost = ""
        self.set(reason)
        self._lost = reason

    def _log_once(self, line: str) -> None:
        if line not in self._logged:
            self._logged.add(line)
            _log.error("%s", line)
