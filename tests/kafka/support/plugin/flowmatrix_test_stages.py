"""Stages that show or disturb what a worker does, as another package brings them along."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import polars as pl

from pipeline.stage import BuildContext, Fields, Step, Transform


class LogBatches(Transform, frozen=True, kw_only=True, tag="log_batches"):
    """Says how large each batch is, then waits until a file is there."""

    until: str = ""

    def build(self, context: BuildContext) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            sys.stderr.write(f"a batch of {flows.height} flows\n")
            while self.until and not Path(self.until).exists():
                time.sleep(0.02)
            return flows

        return step


class Fragile(Transform, frozen=True, kw_only=True, tag="fragile"):
    """Fails on every flow whose `n` is a multiple of the number in a file."""

    file: str

    def reads(self) -> Fields:
        return frozenset({"n"})

    def build(self, context: BuildContext) -> Step:
        modulo = int(Path(self.file).read_text(encoding="ascii"))

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            round_ones = flows["n"].filter(flows["n"] % modulo == 0)
            if len(round_ones):
                raise ArithmeticError(f"{round_ones[0]:.0f} is too round")
            return flows

        return step
