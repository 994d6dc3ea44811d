"""Metrics that a state has no counts of: counted once more from the start of the input."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from pipeline.plan.outcome import Counts, Outcome, Reject
from pipeline.plan.plan import Plan
from pipeline.stage import Encoder
from pipeline.state.checkpoint_file import CheckpointError, FileCheckpoint, Progress

_log = logging.getLogger(__name__)


class Recount:
    """Which metrics are to be counted once more, and of which sources they still miss messages.

    The others are in the state with what it includes of the input; these two are brought to the
    same place before anything is saved. Until then the state on disk stays as it was.
    """

    def __init__(self, saved: FileCheckpoint, sources: Iterable[str]) -> None:
        self._changed, self._added = saved.changed, saved.added
        self._behind = set(sources) if self._changed or self._added else set[str]()

    @property
    def done(self) -> bool:
        """Whether every metric includes the same messages."""
        return not self._behind

    def pass_by(self, source: str, messages: int) -> None:
        """The messages of this source that the state includes cannot be read again."""
        for name in sorted(self._changed | self._added) if messages else ():
            text = (
                'metric %s is counted from here on: %d messages of stage "%s" before are not in it'
            )
            _log.warning(text, name, messages, source)

    def begin(self, source: str, progress: Progress) -> None:
        """The input of a source is open, and so much of it is in the state.

        Raises CheckpointError when a metric that has changed cannot be counted from the start.
        """
        if self._changed and progress.before:
            name = min(self._changed)
            raise CheckpointError(
                f"metric {name} has changed, and of what was counted {progress.before} messages of "
                f'stage "{source}" were in other inputs: it cannot be counted from the start. Undo '
                "the change, or give the metric another name: it is then counted from here on. To "
                "count it from the start, give another --state folder, and all inputs"
            )
        for name in sorted(self._added) if progress.before else ():
            text = "metric %s is new: %d messages of inputs before this one are not in it"
            _log.warning(text, name, progress.before)
        if progress.messages and source in self._behind:
            for name in sorted(self._changed):
                _log.warning(
                    "metric %s has changed: it is counted from the start of %s", name, source
                )
            for name in sorted(self._added):
                _log.warning("metric %s is new: it is counted from the start of %s", name, source)

    def end(self, source: str, missing: int) -> None:
        """The messages of a source that the state includes were read, except so many.

        Raises CheckpointError when they were not there any more.
        """
        if missing and source in self._behind:
            names = ", ".join(sorted(self._changed | self._added))
            raise CheckpointError(
                f'the input of stage "{source}" has {missing} messages less than were counted: '
                f"metric {names}, which has changed or is new, cannot be counted from the start. "
                "Give the whole input, or another --state folder"
            )
        self._behind.discard(source)

    def wants(self, source: str) -> bool:
        """Whether messages of a source that the state includes are to be counted once more."""
        return source in self._behind

    def part(self, plan: Plan, source: str, outcome: Outcome) -> Outcome:
        """Of what a batch gave, that which is of these metrics; no message of it was read anew."""
        names = self._changed | self._added
        stages = {
            node.name
            for node in plan.nodes
            if isinstance(node.spec, Encoder)
            and not names.isdisjoint(family.name for family in node.spec.families())
        }
        rejects = [one for one in outcome.rejects if _is_of(one, names, stages)]
        failed = sum(not one.metric for one in rejects)
        counts = {name: outcome.counts[name] for name in stages & outcome.counts.keys()}
        return Outcome(
            deltas=[delta for delta in outcome.deltas if delta.family.name in names],
            rejects=rejects,
            counts={**counts, source: Counts(rejected=failed)},
        )


def _is_of(reject: Reject, names: Collection[str], stages: Collection[str]) -> bool:
    """Whether a reject is of these metrics: of a value in one, or of a stage that failed."""
    if reject.metric:
        return reject.stage in stages and any(name.endswith(reject.metric) for name in names)
    return bool(reject.error)
