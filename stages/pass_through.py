"""Hand flows on unchanged (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

from pipeline.stage import BuildContext, Step, Transform


class PassThrough(Transform, frozen=True, kw_only=True, tag="pass_through"):
    """A place to branch from or to come together in."""

    def build(self, env: BuildContext) -> Step:
        return lambda flows: flows
