"""What the page is about, as its tests have it: the reference scenario, or edges by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from discovery.asked import QUESTIONS
from page.source import Seen
from pipeline.flows.compressed import Compressed
from pipeline.kube.subnets import Label
from simulate.reference import reference
from tests.support import reference_edges
from tests.support.edges import enriched

NO_QUESTIONS = QUESTIONS.to_frame()


def seen(
    edges: pl.DataFrame, manifests: Sequence[dict[str, Any]] = (), labels: Sequence[Label] = ()
) -> Seen:
    """What was seen, by its edges."""
    return Seen(Compressed(edges), NO_QUESTIONS, 0, manifests, labels)


def reference_seen() -> Seen:
    """The reference scenario."""
    return seen(reference_edges.edges(), reference_edges.manifests(), reference_edges.labels())


class Fixed:
    """A source that has seen what it is given; its files may be set."""

    def __init__(self, found: Seen, flows: pl.DataFrame | None = None) -> None:
        self.found = found
        self.approved: Path | None = None
        self.pipeline: Path | None = None
        self.metrics: Path | None = None
        self._flows = pl.DataFrame() if flows is None else flows

    def read(self) -> Seen:
        return self.found

    def flows(self) -> pl.DataFrame:
        return self._flows


def reference_flows() -> pl.DataFrame:
    """The flows of the reference scenario as the stages behind the enrichment get them."""
    scenario = reference()
    return pl.concat(enriched(frame, scenario.cluster) for frame in scenario.frames)
