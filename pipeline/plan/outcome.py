"""What a plan gives for a batch: increments, records, what was rejected, and the count of flows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

import msgspec
import polars as pl

from pipeline.flows.values import PART
from pipeline.kafka.publication import Records
from pipeline.stage import Change, Delta, Measure, Writer


class StageError(Exception):
    """A stage could not take a batch. `stage`: its name; `error`: what it raised."""

    def __init__(self, stage: str, error: BaseException) -> None:
        super().__init__(f'stage "{stage}" failed: {type(error).__name__}: {error}')
        self.stage = stage
        self.error = error


@contextmanager
def attribute_errors(stage: str) -> Iterator[None]:
    """Raise what the block raises as a StageError of this stage.

    What concerns the process passes through: MemoryError, InterruptedError, and exceptions that
    are no `Exception` (KeyboardInterrupt, SystemExit), except the panics of libraries in Rust, of
    which each has a class of its own.
    """
    try:
        yield
    except (MemoryError, InterruptedError):
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise StageError(stage, error) from error
        raise


class Reject(msgspec.Struct, frozen=True):
    """A message or a flow that was rejected, for the dead letters and the self-metrics.

    `index` is the position of the message among the payloads of the batch; -1 for a flow, whose
    `payload` is its JSON text. `error` is "" for a message that cannot be decoded, the type of
    the exception where a stage raised one, otherwise the kind of fault of a value that cannot be
    counted: `metric` and `field` then name the metric (without prefix) and the field.
    """

    stage: str
    reason: str
    payload: bytes
    index: int = -1
    error: str = ""
    metric: str = ""
    field: str = ""


@dataclass
class Counts:
    """Flows of one stage: in = out + filtered + rejected (a flatten may give more rows out)."""

    flows_in: int = 0
    flows_out: int = 0
    filtered: int = 0
    rejected: int = 0
    coerced: int = 0
    seconds: float = 0.0


class StageResult(NamedTuple):
    """What one stage gives for a frame; `frame` is what the stages behind it get, if any."""

    counts: Counts
    frame: pl.DataFrame | None = None
    deltas: Sequence[Delta] = ()
    records: Sequence[tuple[Writer, Records]] = ()
    rejects: Sequence[Reject] = ()
    change: Change | None = None
    measures: Sequence[Measure] = ()


@dataclass
class Outcome:
    """What one batch gave; `messages` is how many payloads it is about, `flows` how many flows.

    `changes` are those of the memories of stages, by stage; `measures` what self-metrics grow by.
    """

    messages: int = 0
    flows: int = 0
    deltas: list[Delta] = field(default_factory=list)
    records: list[tuple[Writer, Records]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    measures: list[Measure] = field(default_factory=list)

    @property
    def separable(self) -> bool:
        """Whether it can be told of which part of the batch each delta and each reject is."""
        marked = all(PART in delta.series.columns for delta in self.deltas if delta.series.height)
        return marked and all(reject.index >= 0 for reject in self.rejects)

    def apart(self, parts: Sequence[int]) -> list[Outcome]:
        """What each part of a batch gave, of so many messages each: its rejects.

        Records are all with the first one; deltas, counts and measures are of the whole alone.
        """
        outcomes = [Outcome(messages) for messages in parts]
        starts = [0, *accumulate(parts)]
        for reject in self.rejects:
            part = bisect_right(starts, reject.index) - 1
            within = msgspec.structs.replace(reject, index=reject.index - starts[part])
            outcomes[part].rejects.append(within)
        outcomes[0].records = self.records
        return outcomes

    def rejected_messages(self) -> list[int]:
        """The positions of the messages that were rejected as a whole, ascending."""
        return [reject.index for reject in self.rejects if reject.index >= 0]
