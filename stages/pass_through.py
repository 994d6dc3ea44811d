"""Pass flows on unchanged (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

from typing import ClassVar

from pipeline.stage import BuildContext, Example, Step, Transform


class PassThrough(Transform, frozen=True, kw_only=True, tag="pass_through"):
    """Pass flows on: branches can begin here, or join."""

    example: ClassVar[Example] = Example(
        config="- {name: all, type: pass_through, follows: flows}",
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output="""
            {"SrcAddr": "10.128.0.14", "Bytes": 840}
        """,
    )

    def build(self, context: BuildContext) -> Step:
        return lambda flows: flows
