"""Throw flows away (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

from typing import ClassVar

from pipeline.stage import BuildContext, Sink, Write, Writer


class Discard(Writer, frozen=True, kw_only=True, tag="discard"):
    """The end of a branch whose flows are not used."""

    sink: ClassVar[Sink] = Sink.NOWHERE

    def build(self, context: BuildContext) -> Write:
        return lambda _: []
