"""Throw flows away (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import polars as pl

from pipeline.stage import BuildContext, Example, Writer


class Discard(Writer, frozen=True, kw_only=True, tag="discard"):
    """The end of a branch whose flows are not used."""

    example: ClassVar[Example] = Example(
        config="- {name: nowhere, type: discard, follows: flows}",
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output="",
    )

    sink = "none"

    def build(self, env: BuildContext) -> Callable[[pl.DataFrame], list[str]]:
        return lambda _: []
