"""Throw flows away (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipeline.stage import BuildContext, Writer


class Discard(Writer, frozen=True, kw_only=True, tag="discard"):
    """The end of a branch whose flows are not used."""

    sink = "none"

    def build(self, env: BuildContext) -> Callable[[pl.DataFrame], list[str]]:
        return lambda _: []
