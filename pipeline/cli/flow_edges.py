"""The edges of the flows of files: what the page of Parquet files is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import polars as pl

from page.recent import MOST
from page.source import Seen
from pipeline.cli import flow_files
from pipeline.cli.edge_api import seen
from pipeline.cli.flow_files import FlowFiles, Wanted
from pipeline.cli.sighting import inventory as inventory_of
from pipeline.cli.sighting import sighting
from pipeline.flows import values
from pipeline.kube.inventory import file
from pipeline.stage import BuildContext
from pipeline.state.ledger import Ledger
from stages.encode_matrix import EncodeMatrix


class FlowEdges:
    """The source of a page of files; `approved` is its approved matrix.

    `inventory` has the objects of the cluster, where they are known; raises OSError and ValueError.
    A file is counted once, and those that come into a folder later when somebody looks. Flows of a
    file that is removed stay counted. Nothing can be written that a worker reads.
    """

    def __init__(
        self, paths: Sequence[Path], approved: Path | None = None, inventory: Path | None = None
    ) -> None:
        self.approved = approved
        self.pipeline: Path | None = None
        self.metrics: Path | None = None
        self._paths = paths
        self._objects, self._labels = inventory_of(inventory)
        self._manifests = list(file.manifests(inventory, [])) if inventory else []
        self._lock = Lock()
        self._counted = set[Path]()
        self._seen: Seen | None = None
        stage = EncodeMatrix(name="edges", follows="flows")
        self._fields = stage.reads()
        self._encode = stage.build(BuildContext())
        families = {family.name: (family, stage.policy()) for family in stage.families()}
        self._ledger = Ledger(families)
        self.rejected = 0

    def read(self, tell: Callable[[Path], None] = lambda _: None) -> Seen:
        """What was seen; `tell` is told each file before it is counted. Raises OSError."""
        with self._lock:
            new = [one for one in flow_files.found(self._paths) if one not in self._counted]
            for path in new:
                tell(path)
                self._count(path)
            if self._seen is None or new:
                found = {t.family.name: t.series() for t in self._ledger.tables()}
                sighted = sighting(found, self._objects, self._labels)
                self._seen = seen(sighted, self._manifests, self._labels)
            return self._seen

    def flows(self) -> pl.DataFrame:
        """The last flows of the newest file."""
        parts = list[pl.DataFrame]()
        for path in flow_files.found(self._paths)[-1:]:
            for part in FlowFiles([path]).frames(Wanted()):
                parts = [*parts[-1:], part]
        return values.concat(parts).tail(MOST) if parts else pl.DataFrame()

    def _count(self, path: Path) -> None:
        self._counted.add(path)
        for batch in FlowFiles([path]).frames(Wanted(fields=self._fields)):
            encoded = self._encode(batch)
            self.rejected += len({one.row for one in encoded.rejected})
            self._ledger.merge(encoded.deltas, 0.0)
