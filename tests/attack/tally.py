"""What became of the inputs of one attack."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import msgspec

_PATIENCE = 360
"""Seconds that one step of an attack may take on a busy machine; beyond it is a hang."""
_KEPT = 20


class Size(NamedTuple):
    """How much an attack tries: a share of all of it, or, where that is 0, what fits into a test.

    `folder` is its own.
    """

    share: float
    folder: Path

    @property
    def long(self) -> bool:
        """Whether it is not the short form."""
        return self.share > 0

    def of(self, short: int, long: int) -> int:
        """The number of inputs; of a step, which is smaller in the long form, how large it is."""
        if short > long:
            return min(short, round(long / self.share)) if self.long else short
        return max(short, round(long * self.share))


class Tally(msgspec.Struct):
    """The inputs of an attack by what became of them.

    `faults` are what must not happen: a crash, a hang, an input that is nowhere in the account, an
    answer that is wrong.
    """

    attack: str
    outcomes: dict[str, int] = {}
    faults: list[str] = []
    faulty: int = 0

    @property
    def inputs(self) -> int:
        """How many inputs were tried."""
        return sum(self.outcomes.values())

    def add(self, outcome: str, count: int = 1) -> None:
        """So many inputs ended so."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def add_all(self, outcomes: Counter[str]) -> None:
        """So many inputs ended so, by outcome."""
        for outcome, count in outcomes.items():
            self.add(outcome, count)

    def fault(self, what: str) -> None:
        """Something that must not happen, in words; the first are kept."""
        self.faulty += 1
        if len(self.faults) < _KEPT:
            self.faults.append(what[:2_000])

    @contextmanager
    def step(self, what: object) -> Iterator[None]:
        """An exception, or more time than anything takes, is a fault of this step."""
        signal.signal(signal.SIGALRM, _too_long)
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a crash
            self.fault(f"{what!r:.300}: {type(error).__name__}: {error}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"a hang: more than {_PATIENCE} s")
