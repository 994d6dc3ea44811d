"""What the page is about: a running worker, a group of them, or a state or recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

from pipeline.flows.compressed import Compressed
from pipeline.kube.subnets import Label
from policy.objects import Manifest


class Seen(NamedTuple):
    """What was seen until a moment, all of it from the same moment.

    `kept`: a frame of `matrix.edges.EDGES`. `questions`: the DNS names asked for
    (`discovery.asked.QUESTIONS`). `beyond`: flows beyond a limit, which are in no edge.
    `manifests`: the cluster's objects, which can be gone through again and again; none where they
    are not known. `labels`: the subnet labels in force. `whole`: whether every flow is in it; a
    member of a consumer group has its own partitions alone.
    """

    kept: Compressed
    questions: pl.DataFrame
    beyond: int = 0
    manifests: Iterable[Manifest] = ()
    labels: Sequence[Label] = ()
    whole: bool = True

    def edges(self) -> pl.DataFrame:
        """The edges (`matrix.edges.EDGES`), unpacked: ask once for an answer."""
        return self.kept.frame()


class Source(Protocol):
    """Where the documents of the page come from.

    `approved`: the file of the approved matrix. `pipeline`: the pipeline file into which labels are
    written. `metrics`: the folder whose FlowMetrics are counted. Each is None where there is none.
    """

    approved: Path | None
    pipeline: Path | None
    metrics: Path | None

    def read(self) -> Seen:
        """What was seen: the same object again until something in it has changed.

        Raises matrix.facts.NoFactsError where no edges are counted.
        """

    def flows(self) -> pl.DataFrame:
        """The latest flows as the stages behind the enrichment get them; may be empty."""
