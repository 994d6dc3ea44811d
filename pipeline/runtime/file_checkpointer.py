"""Makes the counts of a run without a broker durable, as often as is due."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from pathlib import Path

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.exposition.self_metrics import Telemetry
from pipeline.runtime.local_input import LocalInput
from pipeline.runtime.recount import Recount
from pipeline.stage import Awaited
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import FileCheckpoint
from pipeline.state.ledger import Ledger
from pipeline.state.memories import Memories


class FileCheckpointer:
    """Saves to `folder`, where there is one, and tells senders that what they sent is durable.

    `interval`: seconds between two checkpoints, when no sender waits for one. Metrics in `without`,
    which the caller changes, are left out: they began while the input was under way. Saving raises
    CheckpointError.
    """

    def __init__(
        self,
        folder: Path | None,
        interval: float,
        *,
        ledger: Ledger,
        memories: Memories,
        without: Container[str],
        progress: LocalInput,
        recount: Recount,
        letters: DeadLetterFile,
        telemetry: Telemetry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._interval = folder, interval
        self._ledger, self._memories, self._without = ledger, memories, without
        self._progress, self._recount = progress, recount
        self._letters, self._telemetry = letters, telemetry
        self._clock = clock
        self._awaited: list[Awaited] = []
        self._saved = clock()
        self._saving = 0.0
        self.is_behind = False
        """Whether something was counted since the last checkpoint."""

    def is_awaited(self) -> bool:
        """Whether senders wait."""
        return bool(self._awaited)

    def settle_later(self, awaited: Awaited) -> None:
        """Tell these senders when what is counted now is durable."""
        self._awaited.append(awaited)

    def when_due(self) -> None:
        """Save after the interval; where senders wait, at once, for half of the time at most."""
        begun = self._clock()
        interval = min(self._interval, self._saving) if self._awaited else self._interval
        if begun < self._saved + interval:
            return
        self.save()
        self._saved = self._clock()
        self._saving = self._saved - begun

    def save(self) -> None:
        """Save now, and tell who waits; not before a recount is done, which the file goes with."""
        self._telemetry.remembered(self._memories.measures())
        self.is_behind = False
        if not self._recount.done:
            return
        if self._folder:
            self._letters.sync()
            saved = FileCheckpoint(self._progress.progress(), self._letters.size)
            checkpoint_file.save(self._folder, self._ledger, saved, self._without, self._memories)
        for awaited in self._awaited:
            awaited.settle()
        self._awaited.clear()
