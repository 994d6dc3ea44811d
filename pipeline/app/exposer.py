"""What a scrape shows: the counts of a run, and its self-metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain

from pipeline.exposition.self_metrics import Telemetry
from pipeline.exposition.text_format import Exposition
from pipeline.stage.resources import ResourcePool
from pipeline.state.count_store import CountStore
from pipeline.state.series_table import SeriesTable


class Exposer:
    """The expositions of a run. Only with `expires` a series goes away when it is idle.

    The metrics of the stages `elsewhere` are on pages of their own. `clock` gives epoch seconds.
    """

    def __init__(
        self,
        counts: CountStore,
        telemetry: Telemetry,
        resources: ResourcePool,
        *,
        expires: bool,
        elsewhere: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._counts = counts
        self._telemetry = telemetry
        self._resources = resources
        self._expires = expires
        self._elsewhere = elsewhere
        self._clock = clock
        self._exposition = Exposition()

    def page(self, names: Collection[str] = ()) -> str:
        """What a scrape shows now, or only the metrics of these names."""
        return "".join(self.parts(names))

    def parts(self, names: Collection[str] = ()) -> Iterator[str]:
        """The same in parts."""
        for name, value, labels in self._resources.self_metrics():
            self._telemetry.set(name, value, *labels)
        return self._parts(self._exposition, names, self._elsewhere)

    def parts_of(self, stages: Collection[str], names: Collection[str] = ()) -> Iterator[str]:
        """The metrics of these stages in parts, without self-metrics."""
        tables = [table for table in self._counts.tables() if table.policy.group in stages]
        return self._exposition.parts(_asked(tables, names), self._now())

    def final(self) -> str:
        """The exposition at the end of a finite input."""
        return "".join(self._parts(Exposition()))

    def _parts(
        self,
        exposition: Exposition,
        names: Collection[str] = (),
        elsewhere: Collection[str] = (),
    ) -> Iterator[str]:
        now = self._now()
        tables = self._counts.tables()
        own = self._telemetry.render(
            [*tables, *self._counts.hidden()], self._counts.overflowed, now, names
        )
        here = [table for table in tables if table.policy.group not in elsewhere]
        return chain(exposition.parts(_asked(here, names), now), [own])

    def _now(self) -> float | None:
        return self._clock() if self._expires else None


def _asked(tables: Iterable[SeriesTable], names: Collection[str]) -> list[SeriesTable]:
    """The tables that a scrape shows, of these names or of all."""
    scraped = (table for table in tables if not table.family.pushed)
    return [table for table in scraped if not names or table.family.name in names]
