"""The plan that runs now. Another plan takes its place between two batches, while flows go on.

A metric whose type, labels, buckets, definition and stages before it are the same goes on counting.
Any other metric starts again, and metrics that are no longer made are removed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from pipeline.plan.plan import Plan
from pipeline.stage import Fields
from pipeline.state.ledger import RESTARTED

Adopt = Callable[[Plan, Collection[str]], None]
"""Called with the plan that runs from now on, and the names of the families that go on counting."""
Observe = Callable[[str, list[bytes]], None]
"""Called with the name of a source and the payloads of a batch that was run."""

_log = logging.getLogger(__name__)


def unchanged(old: Plan, new: Plan) -> Fields:
    """The names of the families that count the same in both plans."""
    return frozenset(
        name
        for name, (family, _) in new.families.items()
        if name in old.families and family.continues(old.families[name][0])
    )


class ActivePlan:
    """The plan that runs. A runtime takes it for each batch anew: `with live.batch() as plan`.

    It calls `observe` with what it has run.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.observe: Observe = lambda _source, _payloads: None
        self._next: Plan | None = None
        self._adopters: list[Adopt] = []
        self._lock = threading.Lock()

    def on_swap(self, adopt: Adopt) -> None:
        """Call `adopt` whenever another plan is taken, always between two batches."""
        self._adopters.append(adopt)

    @contextmanager
    def batch(
        self, stopping: threading.Event | None = None, patience: float = -1.0
    ) -> Iterator[Plan]:
        """The plan for one batch, refreshed once; until the block ends, nothing of it changes.

        The block holds everything from running the batch to merging its deltas. Raises
        InterruptedError when `stopping` is set while the refresh waits, and TimeoutError when
        another batch is under way for `patience` (seconds; -1: for ever).
        """
        with self.paused(patience):
            self.plan.refresh(stopping or threading.Event())
            yield self.plan

    @contextmanager
    def paused(self, patience: float = -1.0) -> Iterator[None]:
        """No batch is under way until the block ends. Raises TimeoutError as `batch` does."""
        if not self._lock.acquire(timeout=patience):
            raise TimeoutError(f"a batch has been under way for {patience:.0f} seconds")
        try:
            self._take_next()
            yield
        finally:
            self._lock.release()

    def swap(self, plan: Plan) -> None:
        """Let another plan take over; returns when it has. For one thread at a time.

        The next batch takes the plan, or this thread does while no batch is under way.
        """
        self._next = plan
        while self._next is not None:
            if self._lock.acquire(timeout=0.05):
                try:
                    self._take_next()
                finally:
                    self._lock.release()

    def _take_next(self) -> None:
        following = self._next
        if following is not None:
            kept = unchanged(self.plan, following)
            for name in following.families.keys() & self.plan.families.keys() - kept:
                _log.warning(RESTARTED, name)
            for adopt in self._adopters:
                adopt(following, kept)
            self.plan, self._next = following, None
