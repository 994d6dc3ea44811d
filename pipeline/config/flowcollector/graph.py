"""The two lists of a pipeline in flowlogs-pipeline's dialect, while they grow."""

from __future__ import annotations

from typing import Any


class Graph:
    """Stages in the order in which they are added, each behind one that is there."""

    def __init__(self) -> None:
        self.pipeline: list[dict[str, str]] = []
        self.parameters: list[dict[str, Any]] = []

    def add(self, name: str, follows: str, stage: str, block: dict[str, Any]) -> str:
        """Add a stage, such as `transform.network`, and return its name.

        What has no value in the block (None) is left out.
        """
        kind, _, of = stage.partition(".")
        given = {key: value for key, value in block.items() if value is not None}
        self.pipeline.append({"name": name, **({"follows": follows} if follows else {})})
        self.parameters.append({"name": name, kind: {"type": of, of: given}})
        return name
