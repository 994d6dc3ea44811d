"""A thread that sends what waits for a server, while the pipeline goes on."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Protocol

import polars as pl

from pipeline.push.backlog import Backlog
from pipeline.push.backoff import Backoff
from pipeline.push.destination import Destination, RejectedError, Target, UnavailableError
from pipeline.push.losses import Losses

_LOOK = 0.2
"""Seconds between two looks at whether a pipeline that waits for room shall stop."""
_log = logging.getLogger(__name__)


class Measures(Protocol):
    """The self-metrics; `Telemetry` has them."""

    def add(self, name: str, amount: float, *labels: str) -> None:
        """Add to a counter."""

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""


class Sender:
    """The queue of one stage and the thread that empties it.

    Every flow that is put is written (the server took it), lost, or still waits: the self-metrics
    `records_written`, `records_lost` and `write_queue_flows` say so. What is lost is logged, too.
    """

    def __init__(
        self,
        stage: str,
        destination: Destination,
        measures: Measures,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self._stage = stage
        self._destination = destination
        self._measures = measures
        self._clock = clock
        self._terms = destination.terms
        self._backoff = Backoff(self._terms, chance or random.Random())
        self._backlog = Backlog(self._terms, destination.weighed)
        self._losses = Losses(stage, destination.address)
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._over = False
        self._target: Target | None = None
        for name in ("records_written", "records_lost", "write_retries"):
            measures.add(name, 0, stage)
        self._gauge()
        self._thread = threading.Thread(target=self._run, name=f"send {stage}", daemon=True)
        self._thread.start()

    @property
    def blocks(self) -> bool:
        """Whether `put` waits for room."""
        return self._terms.blocks

    def put(self, flows: pl.DataFrame, stopping: threading.Event | None = None) -> None:
        """Queue flows; those for which there is no room are lost, or waited with.

        When `stopping` is set, the wait is as long as the queue has to be empty at the end.
        """
        asked: float | None = None
        with self._changed:
            while flows.height:
                added = self._backlog.add(flows, self._clock())
                flows = flows.slice(added)
                self._gauge()
                self._changed.notify_all()
                if not flows.height:
                    return
                if asked is None and stopping is not None and stopping.is_set():
                    asked = self._clock()
                late = asked is not None and self._clock() - asked >= self._terms.flush
                if not self._terms.blocks or self._over or late:
                    self._lose(flows.height, "the queue is full")
                    return
                self._changed.wait(_LOOK)

    def problem(self) -> str:
        """Why flows do not arrive, or did not in the last minute; "" when they do."""
        with self._changed:
            return self._losses.problem(self._clock())

    def finish(self) -> None:
        """No more flows come: send what waits, until the deadline at most."""
        with self._changed:
            if self._deadline is None:
                self._deadline = self._clock() + self._terms.flush
            self._changed.notify_all()

    def close(self) -> None:
        """Finish; what has not arrived by the deadline is lost."""
        self.finish()
        self._thread.join(max(0.0, (self._deadline or 0.0) - self._clock()) + _LOOK)
        with self._changed:
            self._over = True
            if self._backlog.flows:
                self._lose(self._backlog.flows, "the end came before the server took them")
                self._backlog = Backlog(self._terms)
                self._gauge()
            self._losses.tell(self._clock())

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            self._deliver(batch)
        if self._target is not None:
            self._target.close()

    def _next(self) -> pl.DataFrame | None:
        """The next batch, when it is due; None at the end."""
        with self._changed:
            while not self._over and not self._late():
                closing = self._deadline is not None
                due = self._backlog.due(self._clock(), closing=closing)
                if due == 0:
                    return self._backlog.take()
                if due is None and closing:
                    return None
                self._changed.wait(due)
        return None

    def _deliver(self, batch: pl.DataFrame) -> None:
        """Send a batch until it has arrived, or cannot."""
        attempt = 0
        while True:
            try:
                self._send(batch)
            except UnavailableError as error:
                if not self._pause(attempt, error):
                    self._done(batch.height, error.left, str(error))
                    return
                attempt += 1
            except RejectedError as error:
                self._done(batch.height, error.flows, str(error))
                return
            except Exception as error:  # noqa: BLE001 - a defect must not end the thread
                _log.exception("stage %s: a batch cannot be sent", self._stage)
                self._done(batch.height, batch.height, f"{type(error).__name__}: {error}")
                return
            else:
                self._done(batch.height, 0, "")
                return

    def _send(self, batch: pl.DataFrame) -> None:
        if self._target is None:
            self._target = self._destination.connect()
        self._target.send(batch)

    def _pause(self, attempt: int, error: UnavailableError) -> bool:
        """Leave the server alone for a while; whether the batch shall be sent again.

        At the end there are short pauses, up to the deadline.
        """
        with self._changed:
            self._losses.unavailable(str(error))
            if attempt >= self._terms.max_retries:
                return False
            begun = self._clock()
            until = begun + self._backoff.pause(attempt, error.after)
            while not self._over and (left := self._until(begun, until) - self._clock()) > 0:
                self._changed.wait(left)
            if self._over or self._late():
                return False
            self._measures.add("write_retries", 1, self._stage)
            return True

    def _done(self, flows: int, left: int | None, reason: str) -> None:
        """A batch has come to its end: so many of its flows are lost, all of them if None.

        Never more than it has, whatever a server says.
        """
        lost = flows if left is None else min(left, flows)
        with self._changed:
            if self._over:
                return
            self._backlog.release()
            if lost < flows:
                self._losses.arrived()
                self._measures.add("records_written", flows - lost, self._stage)
            if lost:
                self._lose(lost, reason)
            self._gauge()
            self._changed.notify_all()

    def _lose(self, flows: int, reason: str) -> None:
        self._measures.add("records_lost", flows, self._stage)
        self._losses.add(flows, reason, self._clock())

    def _until(self, begun: float, until: float) -> float:
        """When a pause ends that began then: at the end, soon."""
        if self._deadline is None:
            return until
        ending = max(begun, self._deadline - self._terms.flush)
        return min(until, ending + self._terms.min_backoff, self._deadline)

    def _late(self) -> bool:
        return self._deadline is not None and self._clock() >= self._deadline

    def _gauge(self) -> None:
        self._measures.set("write_queue_flows", self._backlog.flows, self._stage)
        self._measures.set("write_queue_bytes", round(self._backlog.bytes), self._stage)
