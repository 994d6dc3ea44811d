"""The base of every rule."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.stage import Fields, Step


class Rule(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """One rule; the tag is its YAML `type`."""

    @property
    def draws(self) -> bool:
        """Whether the rule needs a random number per flow."""
        return False

    def reads(self) -> Fields:
        """The fields that the rule reads."""
        return frozenset()

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        """The fields that the rule names of flows as they come, each with the path in it."""
        yield from ()

    def makes(self) -> Fields:
        """The fields that the rule may make."""
        return frozenset()

    def check(self) -> Iterator[Problem]:
        """The problems of the rule; paths are relative to it."""
        yield from ()

    def build(self, draw: pl.Expr) -> Step:
        """The behaviour of the rule; with `draws`, `draw` is a number in [0, 1) per flow."""
        raise NotImplementedError


def sampled(draw: pl.Expr, interval: int) -> pl.Expr:
    """Boolean: true for one draw in `interval`; always for 0 and 1."""
    return draw * interval < 1 if interval > 1 else pl.lit(True)
