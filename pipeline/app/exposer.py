"""What a scrape shows: the counts of a run, and its self-metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from pipeline.exposition.self_metrics import Telemetry
from pipeline.exposition.text_format import Exposition
from pipeline.stage.resources import ResourcePool
from pipeline.state.count_store import CountStore


class Exposer:
    """The expositions of a run. Only with `expires` a series goes away when it is idle.

    `clock` gives epoch seconds.
    """

    def __init__(
        self,
        counts: CountStore,
        telemetry: Telemetry,
        resources: ResourcePool,
        *,
        expires: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._counts = counts
        self._telemetry = telemetry
        self._resources = resources
        self._expires = expires
        self._clock = clock
        self._exposition = Exposition()

    def page(self, names: Collection[str] = ()) -> str:
        """What a scrape shows now, or only the metrics of these names."""
        for name, value, labels in self._resources.self_metrics():
            self._telemetry.set(name, value, *labels)
        return self._render(self._exposition, names)

    def final(self) -> str:
        """The exposition at the end of a finite input."""
        return self._render(Exposition())

    def _render(self, exposition: Exposition, names: Collection[str] = ()) -> str:
        now = self._clock() if self._expires else None
        tables = self._counts.tables()
        own = self._telemetry.render(
            [*tables, *self._counts.hidden()], self._counts.overflowed, now, names
        )
        scraped = [table for table in tables if not table.family.pushed]
        asked = [table for table in scraped if not names or table.family.name in names]
        return exposition.render(asked, now) + own
