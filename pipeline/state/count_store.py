"""The interface of the counts of a run: to show them, and to change the plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import polars as pl

from pipeline.kafka.batch import TopicPartition
from pipeline.stage import Kind, MetricSet
from pipeline.state.ledger import Totals
from pipeline.state.series_table import SeriesTable


class CountStore(Protocol):
    """Counts by metric: of a whole run (a Ledger), or of a group's partitions (an Assignment)."""

    @property
    def limited(self) -> Collection[str]:
        """The metrics that are at a limit: new label sets of theirs are counted in one series."""

    @property
    def overflowed(self) -> Mapping[str, int]:
        """How many label sets of each metric were beyond a limit."""

    def tables(self) -> list[SeriesTable]:
        """The series to show now, a table for each metric."""

    def hidden(self) -> list[SeriesTable]:
        """The tables of facts that `tables` leaves out, maybe several of one family."""

    def totals(self) -> Totals:
        """The exact totals, and which inputs they include."""

    def durable(self) -> Mapping[TopicPartition, int]:
        """Up to which offset the counts of each partition are durable; empty without a group."""

    def adopt(self, families: MetricSet, unchanged: Collection[str], max_series: int) -> None:
        """Count these families from now on; those that are not `unchanged` start again."""


def counters(counts: CountStore) -> dict[str, pl.DataFrame]:
    """The series of every counter by metric name: labels, VALUE, then TIMES."""
    tables = counts.tables()
    return {t.family.name: t.series() for t in tables if t.family.kind is Kind.COUNTER}


def facts(counts: CountStore) -> dict[str, pl.DataFrame]:
    """The exact totals of every family of facts by name: labels, the facts, then TIMES."""
    tables = counts.totals().tables
    return {t.family.name: t.series() for t in tables if not t.family.exposed}
