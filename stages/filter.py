"""Keep the flows that meet conditions.

Source: docs/reference/transforms.md#query-language, docs/reference/encode-prom.md#filter-types.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import polars as pl

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.flows import values
from pipeline.predicate import query as language
from pipeline.predicate.match import Match, matching, needs_origin
from pipeline.stage import BuildContext, Example, Fields, Step, Transform


class Filter(Transform, frozen=True, kw_only=True, tag="filter"):
    """Keep the flows that pass every field of `match` and the `query`.

    Matches on one field are alternatives. `flattened` names the fields that a `flatten` before
    this stage has split: a flow is then several rows, its parts, and of alternatives on such a
    field the first that keeps any part of a flow decides alone, while `$(Field)` on it sees the
    part only. Without `flattened` each row stands for itself.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: https
              type: filter
              follows: flows
              match: [{field: DstPort, value: "443"}, {field: DstPort, value: "8443"}]
              query: Bytes > 100 and with(SrcK8S_Name)
        """,
        flows="""
            {"DstPort": 443, "Bytes": 840, "SrcK8S_Name": "web"}
            {"DstPort": 8443, "Bytes": 60, "SrcK8S_Name": "web"}
            {"DstPort": 8443, "Bytes": 840}
            {"DstPort": 53, "Bytes": 840, "SrcK8S_Name": "web"}
        """,
        output="""
            {"DstPort": 443, "Bytes": 840, "SrcK8S_Name": "web"}
        """,
    )

    match: list[Match] = []
    query: str = ""
    flattened: list[str] = []

    def reads(self) -> Fields:
        read = self._named() | language.fields(self.query)
        return read | {values.ORIGIN} if needs_origin(self.match, self.flattened) else read

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        for index, condition in enumerate(self.match):
            yield from ((("match", index), name) for name in sorted(condition.fields))
        yield from ((("query",), name) for name in sorted(language.fields(self.query)))

    def check(self, folder: Path) -> Iterator[Problem]:
        if not self.match and not self.query:
            yield Problem((), "there is nothing to filter by", "give match or query")
        for index, condition in enumerate(self.match):
            for problem in condition.check():
                yield problem.under("match", index)
        if self.query:
            yield from language.problems(self.query, ("query",))

    def build(self, context: BuildContext) -> Step:
        match = matching(self.match, self.flattened)
        query = language.parse(self.query) if self.query else None

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            if query:
                flows = flows.filter(query.expr(flows.schema))
            return match(flows)

        return step

    def _named(self) -> Fields:
        return frozenset[str]().union(*(condition.fields for condition in self.match))
