"""A folder of Parquet files that one process adds flows to, with others beside it or not."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa

from pipeline.flows import values
from pipeline.kafka.repeated_lines import RepeatFilter
from pipeline.parquet.conversion import convert
from pipeline.parquet.spool import Spool
from pipeline.parquet.storage import PREFIX, SPOOL, Storage, retire
from pipeline.timing.periodic import Periodic

_TICK = 1.0  # seconds
_FOREIGN = (pl.Object, pl.Int128, pl.UInt128)
"""Types that Parquet does not have; no stage of this engine makes such a column."""
_log = logging.getLogger(__name__)
_log.addFilter(RepeatFilter())


class ParquetFolder:
    """Flows go into a spool, and a spool becomes a file when it is old or large enough.

    A disk that does not take flows is told in the log, and `lost` is told how many they were: the
    counts of a pipeline do not depend on it. What a killed process has left is converted first.
    """

    def __init__(
        self,
        storage: Storage,
        lost: Callable[[int], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._storage = storage
        self._lost = lost
        self._clock = clock
        self._spool: Spool | None = None
        self._begun = 0.0
        self._lock = threading.Lock()
        self._tidy()
        self._keeper = Periodic(f"the upkeep of {storage.folder}", self._keep, _TICK)
        self._keeper.start()

    def add(self, flows: pl.DataFrame) -> None:
        """Keep flows: when it returns, a kill of this process does not lose them any more."""
        columns = [c for c in flows.columns if not c.startswith(values.HIDDEN)]
        rows = flows.select(columns)
        if not rows.height or not columns:
            return
        with self._lock:
            try:
                _check(rows)
                self._open().append(rows)
            except (OSError, TypeError, pl.exceptions.PolarsError) as error:
                self._lost(rows.height)
                _log.error("%s: flows are not kept: %s", self._storage.folder, error)
            self._rotate_when_due()

    def close(self) -> None:
        """Finish the file that is under way."""
        self._keeper.close()
        with self._lock:
            self._rotate()

    def _open(self) -> Spool:
        """The spool to add to."""
        if self._spool is None:
            folder, now = self._storage.folder, self._clock()
            folder.mkdir(parents=True, exist_ok=True)
            stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
            name = f".{PREFIX}{stamp}-{secrets.token_hex(4)}{SPOOL}"
            self._spool, self._begun = Spool(folder / name), now
        return self._spool

    def _rotate_when_due(self) -> None:
        if self._spool is None:
            return
        age = self._clock() - self._begun
        if self._spool.flows >= self._storage.flows or age >= self._storage.every:
            self._rotate()

    def _rotate(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        self._tidy()

    def _tidy(self) -> None:
        """Convert what nobody appends to, those of killed processes too, and remove what is old.

        What the disk does not take now stays as a spool, for the next time.
        """
        for spool in sorted(self._storage.folder.glob(f".{PREFIX}*{SPOOL}")):
            try:
                convert(spool)
            except (OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:
                _log.error("%s: a file cannot be finished yet: %s", spool, error)
        self._retire()

    def _retire(self) -> None:
        try:
            retire(self._storage, self._clock())
        except OSError as error:
            _log.error("%s: old files cannot be removed: %s", self._storage.folder, error)

    def _keep(self) -> None:
        """Finish and remove files in time, also while no flows come."""
        with self._lock, suppress(FileNotFoundError):
            self._rotate_when_due()
            self._retire()


def _check(flows: pl.DataFrame) -> None:
    """Raises TypeError for a column that no file can have."""
    for name, dtype in flows.schema.items():
        if isinstance(dtype, _FOREIGN):
            raise TypeError(f"field {name} is of type {dtype}")
