"""A run without a broker, over local sources."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Self

import pytest

from pipeline.decode import by_name
from pipeline.exposition.self_metrics import Telemetry
from pipeline.heap import Rest
from pipeline.plan.compile import compile_plan
from pipeline.plan.live import ActivePlan
from pipeline.runtime.embedded import Embedded, EmbeddedOptions
from pipeline.runtime.outputs import Outputs
from pipeline.stage import VALUE, BuildContext, Decode, Source, SourceContext
from pipeline.state.checkpoint_file import Progress
from pipeline.state.ledger import Ledger
from stages.encode_prometheus import EncodePrometheus, Metric

MESSAGES = 3_000


class Message(bytes):
    """A flow; `held` of them are in memory."""

    held: ClassVar[int] = 0

    def __new__(cls) -> Self:
        cls.held += 1
        return super().__new__(cls, b'{"Bytes":5}')

    def __del__(self) -> None:
        type(self).held -= 1


class Waiting(Source, frozen=True, kw_only=True, tag="test_waiting"):
    """Gives messages three times, and looks how many are held when it would wait for more."""

    live: ClassVar[bool] = True
    held: ClassVar[list[int]] = []

    def decode(self, context: BuildContext) -> Decode:
        return by_name("json", context)

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        for _ in range(3):
            yield [Message() for _ in range(MESSAGES)]
            gc.collect()
            self.held.append(Message.held)


class Pausing(Source, frozen=True, kw_only=True, tag="test_pausing"):
    """Gives a message, waits at times 10 and 12, and ends."""

    live: ClassVar[bool] = True
    now: ClassVar[list[float]] = [0.0]

    def decode(self, context: BuildContext) -> Decode:
        return by_name("json", context)

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        yield [b"{}"]
        for time in (10.0, 12.0):
            self.now[0] = time
            context.waiting()


def run(source: Source) -> float:
    """Run a source to its end; what was counted of it."""
    metric = Metric(name="flows", value="Bytes")
    out = EncodePrometheus(name="out", follows="in", metrics=[metric])
    plan = compile_plan([source, out], BuildContext())
    ledger, telemetry = Ledger(plan.families), Telemetry(plan, process=False)
    embedded = Embedded(ActivePlan(plan), ledger, telemetry, Outputs(telemetry), EmbeddedOptions())
    embedded.run()
    (table,) = ledger.tables()
    return float(table.series()[VALUE].sum())


def test_messages_that_are_counted_are_let_go_before_the_next_ones_come() -> None:
    """All but those by which an input is known again: as many as are held before any is counted."""
    assert run(Waiting(name="in")) == 3 * 5 * MESSAGES
    opening = Progress.start([Message() for _ in range(MESSAGES)]).opening
    assert opening < MESSAGES
    assert Waiting.held == [opening] * 3


def test_the_heap_is_trimmed_once_when_no_flow_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed: list[float] = []
    now = Pausing.now
    rest = partial(Rest, lambda: trimmed.append(now[0]), lambda: now[0])
    monkeypatch.setattr("pipeline.runtime.embedded.Rest", rest)
    run(Pausing(name="in"))
    assert trimmed == [10.0]
