"""Throw flows away (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

from typing import ClassVar

from pipeline.stage import BuildContext, Example, Sink, Write, Writer


class Discard(Writer, frozen=True, kw_only=True, tag="discard"):
    """The end of a branch whose flows are not used."""

    example: ClassVar[Example] = Example(
        config="- {name: nowhere, type: discard, follows: flows}",
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output="",
    )

    sink: ClassVar[Sink] = Sink.NOWHERE

    def build(self, context: BuildContext) -> Write:
        return lambda _: []
