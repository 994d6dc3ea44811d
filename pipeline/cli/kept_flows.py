"""Flows of Parquet files and recordings, for the page: the newest files are read first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import polars as pl

from page import recent
from page.recent import MOST, Asked, FlowsPage
from pipeline.cli import flow_files
from pipeline.cli.flow_files import FlowFiles, Wanted
from pipeline.config.loader import Config
from pipeline.flows import values
from pipeline.stage.fingerprint import fingerprints
from stages.write_parquet import WriteParquet

ENOUGH = 2_000_000
"""Flows that are looked at for one answer; with so many the files that are older are left out."""
_KEPT = 8


class _Found(NamedTuple):
    """What was found in a file: its last flows that are wanted, its fields, what was rejected."""

    flows: pl.DataFrame
    fields: set[str]
    read: int
    rejected: int


class KeptFlows:
    """Answers about the flows of files; the same question about the same files is answered once.

    `paths()`: the files, the newest last; those that are `named` must be there. `enough` bounds
    what is read for an answer.
    """

    def __init__(
        self,
        paths: Callable[[], Sequence[Path]],
        enough: int = ENOUGH,
        named: Collection[Path] = (),
    ) -> None:
        self._paths = paths
        self._named = named
        self._enough = enough
        self._lock = Lock()
        self._answers: dict[object, FlowsPage] = {}

    def page(self, asked: Asked) -> FlowsPage:
        """The newest flows that are asked for. Raises UnansweredError."""
        with self._lock:
            paths = list(self._paths())
            key = asked, fingerprints(paths)
            answer = self._answers.pop(key, None) or self._made(paths, asked)
            self._answers[key] = answer
            while len(self._answers) > _KEPT:
                del self._answers[next(iter(self._answers))]
            return answer

    def _made(self, paths: Sequence[Path], asked: Asked) -> FlowsPage:
        wanted = Wanted(
            recent.condition(asked),
            asked.since / 1000 or None,
            asked.until / 1000 or None,
            asked.reads,
        )
        parts, notes, fields, read = list[pl.DataFrame](), list[str](), dict[str, None](), 0
        left = list(paths)
        while left and read < self._enough and sum(part.height for part in parts) < MOST:
            path = left.pop()
            try:
                found = _found(path, wanted)
            except OSError as error:
                if path in self._named or not isinstance(error, FileNotFoundError):
                    notes.append(str(error))
                continue  # one of a folder was old, and is removed
            if found.rejected:
                notes.append(f"{path}: {found.rejected:,} rejected")
            read += found.read
            parts.insert(0, found.flows)
            fields |= dict.fromkeys(sorted(found.fields))
        flows = values.concat(parts).tail(MOST) if parts else pl.DataFrame()
        return recent.shown(flows, asked, read, list(fields), whole=not left, notes=notes)


def _found(path: Path, wanted: Wanted) -> _Found:
    """The last wanted flows of a file. Raises OSError."""
    files = FlowFiles([path])
    parts = list[pl.DataFrame]()
    for part in files.frames(wanted):
        parts.append(part.select(n for n in values.names(part) if n in part.columns))
        if sum(one.height for one in parts[1:]) >= MOST:
            del parts[0]
    flows = values.concat(parts).tail(MOST) if parts else pl.DataFrame()
    return _Found(flows, files.names(), files.read, files.rejected.total())


def kept_by(config: Config) -> KeptFlows | None:
    """The flows that a stage `write_parquet` of a pipeline keeps; None where no stage does."""
    stages = [stage for stage in config.stages if isinstance(stage, WriteParquet)]
    folders = [stage.storage(config.folder).folder for stage in stages]
    return KeptFlows(lambda: sorted(folders[0].glob("*.parquet"))) if folders else None


def kept_in(paths: Sequence[Path]) -> KeptFlows:
    """The flows of files, and of all Parquet files that folders have by then. Raises OSError."""
    flow_files.found(paths)
    return KeptFlows(lambda: flow_files.found(paths), named=paths)
