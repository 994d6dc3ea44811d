"""What workers are doing, from two scrapes of their self-metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_SAMPLE = re.compile(r"(?P<name>[a-zA-Z0-9_:]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(?<!\w)(\w++)="((?:[^"\\]++|\\.)*+)"')
_PREFIX = re.compile(r"^([a-zA-Z0-9_:]*)stage_flows_in\{", re.MULTILINE)
_PARTITION = re.compile(r"[0-9]{1,10}")
_BEYOND = 2.0**63
_STAGE_METRICS = ("in", "out", "filtered", "rejected")

Labels = tuple[str, ...]
"""The values of a sample's labels, in the order they are exposed."""

Values = dict[str, dict[Labels, float]]


class Scrape(NamedTuple):
    """The self-metrics of one worker: when (s, any clock), and values by name without prefix."""

    worker: str
    at: float
    values: Values

    def of(self, name: str) -> Mapping[Labels, float]:
        """The series of a metric; none where it is not exposed."""
        return self.values.get(name, {})


class Partition(NamedTuple):
    """A partition as its worker sees it. `age`: seconds since its counts were made durable."""

    worker: str
    topic: str
    partition: int
    offset: int
    lag: int
    flows_per_second: float
    rejected: int
    age: float


class Stage(NamedTuple):
    """A stage over all workers. `micros` is the time a flow takes, null while none comes."""

    name: str
    flows_in: int
    flows_out: int
    filtered: int
    rejected: int
    flows_per_second: float
    micros: float | None


def parse(worker: str, at: float, exposition: str) -> Scrape:
    """Only the self-metrics of a text exposition, whatever their prefix.

    Raises ValueError when there are none, or when one has a value that no worker shows.
    """
    from pipeline.exposition.declared import METRICS  # noqa: PLC0415 - slow; --help needs none

    found = _PREFIX.search(exposition)
    if found is None:
        raise ValueError(f"{worker} shows no metrics of stages: is it a worker of flowmatrix?")
    prefix = found[1]
    values: Values = {}
    for line in exposition.splitlines():
        if line.startswith(prefix) and (sample := _SAMPLE.fullmatch(line)):
            labels = tuple(value for _, value in _LABEL.findall(sample["labels"] or ""))
            name, value = sample["name"].removeprefix(prefix), float(sample["value"])
            if not abs(value) < _BEYOND:
                raise ValueError(f"{worker} shows {name} as {sample['value']}")
            if name in METRICS and len(labels) != len(METRICS[name].labels):
                raise ValueError(f"{worker} shows {name} with {len(labels)} labels")
            if name == "kafka_offset" and not _PARTITION.fullmatch(labels[1]):
                raise ValueError(f"{worker} shows {name} of the partition {', '.join(labels)}")
            values.setdefault(name, {})[labels] = value
    return Scrape(worker, at, values)


def partitions(before: Sequence[Scrape], after: Sequence[Scrape]) -> list[Partition]:
    """The partitions of all workers, by topic and number; a restart or rebalance has no rate."""
    earlier = {scrape.worker: scrape for scrape in before}
    rows = [row for scrape in after for row in _partitions(earlier.get(scrape.worker), scrape)]
    return sorted(rows, key=lambda row: (row.topic, row.partition))


def stages(before: Sequence[Scrape], after: Sequence[Scrape]) -> list[Stage]:
    """The stages, in the order the first worker exposes them."""
    earlier = {scrape.worker: scrape for scrape in before}
    names = dict.fromkeys(labels[0] for s in after for labels in s.of("stage_flows_in"))
    rows = []
    for name in names:
        totals = {m: _total(after, f"stage_flows_{m}", name) for m in _STAGE_METRICS}
        flows = seconds = rate = 0.0
        for scrape in after:
            old = earlier.get(scrape.worker)
            came = _rise(old, scrape, "stage_flows_in", (name,))
            flows += came
            seconds += _rise(old, scrape, "stage_seconds", (name,))
            rate += came / _elapsed(old, scrape)
        if not flows:
            flows, seconds = totals["in"], _total(after, "stage_seconds", name)
        flows_in, flows_out, filtered, rejected = (int(totals[m]) for m in _STAGE_METRICS)
        micros = seconds / flows * 1e6 if flows else None
        rows.append(Stage(name, flows_in, flows_out, filtered, rejected, rate, micros))
    return rows


def _partitions(before: Scrape | None, after: Scrape) -> Iterator[Partition]:
    for labels, offset in after.of("kafka_offset").items():
        topic, number = labels
        yield Partition(
            after.worker,
            topic,
            int(number),
            int(offset),
            int(after.of("kafka_lag").get(labels, 0)),
            _rise(before, after, "kafka_offset", labels) / _elapsed(before, after),
            int(after.of("kafka_rejected").get(labels, 0)),
            after.of("kafka_checkpoint_age_seconds").get(labels, 0.0),
        )


def _rise(before: Scrape | None, after: Scrape, name: str, labels: Labels) -> float:
    """How much a series rose; 0 where it was not there before, or began anew."""
    if before is None or labels not in before.of(name):
        return 0.0
    return max(0.0, after.of(name).get(labels, 0.0) - before.of(name)[labels])


def _elapsed(before: Scrape | None, after: Scrape) -> float:
    return (after.at - before.at if before else 0.0) or 1.0


def _total(scrapes: Sequence[Scrape], name: str, stage: str) -> float:
    return sum(scrape.of(name).get((stage,), 0.0) for scrape in scrapes)
