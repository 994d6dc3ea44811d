"""Pushes the series of a run to receivers of OTLP, as often as their stages say."""

from __future__ import annotations

import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from pipeline.plan.live import ActivePlan
from pipeline.plan.plan import Plan
from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.losses import Losses
from pipeline.push.otlp import Otlp, service_attributes
from pipeline.state.count_store import CountStore
from pipeline.timing.periodic import Periodic

_LOOK = 0.5
"""Seconds between two looks at which pushes are due."""


@runtime_checkable
class Pushes(Protocol):
    """An encoder whose series are pushed."""

    def receiver(self, folder: Path) -> Otlp:
        """Where to."""


class _Receiver:
    """One receiver, and when it was pushed to last."""

    def __init__(self, to: Otlp, stage: str, now: float) -> None:
        self.to = to
        self.pushed = now
        self.losses = Losses(stage, to.address)


class MetricPush:
    """What it pushes is cumulative: a push that did not arrive is made good by the next one.

    `start` begins a thread, where a stage asks for it; `close` pushes a last time. `clock` gives
    epoch seconds.
    """

    def __init__(
        self, live: ActivePlan, counts: CountStore, clock: Callable[[], float] = time.time
    ) -> None:
        self._live = live
        self._counts = counts
        self._clock = clock
        self._receivers: dict[Otlp, _Receiver] = {}
        self._periodic: Periodic | None = None
        self._started = False
        live.on_swap(lambda plan, _unchanged: self._begin(plan))
        self._instance = f"{socket.gethostname()}:{os.getpid()}"

    def start(self) -> None:
        """Push from now on."""
        self._started = True
        self._begin(self._live.plan)

    def _begin(self, plan: Plan) -> None:
        """Start the thread, where the plan has something to push."""
        if self._started and self._periodic is None and self._wanted(plan):
            self._periodic = Periodic("the push of metrics", self._push_due, _LOOK)
            self._periodic.start()

    def close(self) -> None:
        """Push once more, and end."""
        if self._periodic is None:
            return
        self._periodic.close()
        self._periodic, self._started = None, False
        for to, families in self._wanted(self._live.plan).items():
            self._push(self._receivers[to], families)

    def problems(self) -> list[str]:
        """The receivers that did not take the last push."""
        found = [one.losses.problem(time.monotonic()) for one in list(self._receivers.values())]
        return [problem for problem in found if problem]

    def _push_due(self) -> None:
        for to, families in self._wanted(self._live.plan).items():
            receiver = self._receivers[to]
            if time.monotonic() >= receiver.pushed + to.terms.batch_wait:
                self._push(receiver, families)

    def _wanted(self, plan: Plan) -> dict[Otlp, set[str]]:
        """The names of the metrics for each receiver."""
        found: dict[Otlp, set[str]] = defaultdict(set)
        for node in plan.nodes:
            if isinstance(node.spec, Pushes):
                to = node.spec.receiver(plan.context.folder)
                found[to] |= {family.name for family in node.spec.families()}
                if to not in self._receivers:
                    stage = node.name.partition("/")[0]
                    self._receivers[to] = _Receiver(to, stage, time.monotonic())
        return found

    def _push(self, receiver: _Receiver, families: set[str]) -> None:
        from pipeline.exposition.otlp import requests  # noqa: PLC0415 - slow, few need it
        from pipeline.push.otlp_transport import transport  # noqa: PLC0415 - slow, few need it

        receiver.pushed, now = time.monotonic(), self._clock()
        instance = {"service.instance.id": self._instance}
        resource = {**service_attributes(receiver.to.service), **instance}
        tables = [table for table in self._counts.tables() if table.family.name in families]
        series = [(table.family, table.exposed(now)) for table in tables]
        try:
            way = transport(receiver.to)
            try:
                for body in requests(series, resource, now):
                    way.post(body)
            finally:
                way.close()
        except (UnavailableError, RejectedError) as error:
            receiver.losses.unavailable(str(error))
        else:
            receiver.losses.arrived()
