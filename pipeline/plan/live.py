"""The plan that runs now: one takes the place of another between two batches, while flows go on.

What did not change goes on counting: a metric whose type, labels, buckets, definition and stages
before it are the same keeps its series; any other starts again, and those that are gone vanish.
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
"""Told of the plan that runs from now on, and the names of the families that go on counting."""

_log = logging.getLogger(__name__)


def unchanged(old: Plan, new: Plan) -> Fields:
    """The names of the families that count the same in both plans."""
    return frozenset(
        name
        for name, (family, _) in new.families.items()
        if name in old.families and family.continues(old.families[name][0])
    )


class ActivePlan:
    """The plan that runs. A runtime takes it for each batch anew: `with live.batch() as plan`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._next: Plan | None = None
        self._adopters: list[Adopt] = []
        self._lock = threading.Lock()

    def on_swap(self, adopt: Adopt) -> None:
        """Call `adopt` whenever another plan is taken, always between two batches."""
        self._adopters.append(adopt)

    @contextmanager
    def batch(self, patience: float = -1.0) -> Iterator[Plan]:
        """The plan for one batch; until the end of the block no other one takes its place.

        The block holds everything from running the batch to merging its deltas, or what may not
        happen during that. Raises TimeoutError when another one lasts for `patience` (seconds).
        """
        if not self._lock.acquire(timeout=patience):
            raise TimeoutError(f"a batch has been under way for {patience:.0f} seconds")
        try:
            self._take_next()
            yield self.plan
        finally:
            self._lock.release()

    def swap(self, plan: Plan) -> None:
        """Let another plan take over; returns when it has. For one thread at a time.

        The next batch takes it up, or this thread when none is under way.
        """
        self._next = plan
        while self._next is not None:
            if self._lock.acquire(timeout=0.05):
                try:
                    self._take_next()
                finally:
                    self._lock.release()

    def _take_next(self) -> None:
        fresh = self._next
        if fresh is not None:
            kept = unchanged(self.plan, fresh)
            for name in fresh.families.keys() & self.plan.families.keys() - kept:
                _log.warning(RESTARTED, name)
            for adopt in self._adopters:
                adopt(fresh, kept)
            self.plan, self._next = fresh, None
