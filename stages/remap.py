"""Rename fields, all at once (docs/reference/encode-prom.md#labels)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import polars as pl

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.flows import values
from pipeline.stage import BuildContext, Example, Fields, Step, Transform


class Remap(Transform, frozen=True, kw_only=True, tag="remap"):
    """Rename each field of `map` to its target, or copy it to several.

    All renames happen at once, so `{A: B, B: A}` swaps. A renamed field is gone unless it is
    among its own targets, and what a target held before is gone, also where the renamed field is
    absent. With `only`, nothing but the targets is left.
    """

    example: ClassVar[Example] = Example(
        config="- {name: short, type: remap, follows: flows, map: {SrcK8S_Namespace: from}}",
        flows='{"SrcK8S_Namespace": "shop", "DstPort": 443, "Bytes": 840}',
        output="""
            {"from": "shop", "DstPort": 443, "Bytes": 840}
        """,
    )

    map: dict[str, str | list[str]]
    only: bool = False

    def reads(self) -> Fields:
        return frozenset(self.map)

    def makes(self) -> tuple[Fields, bool]:
        return frozenset(target for _, target in self._pairs()), not self.only

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        yield from ((("map", source), source) for source in self.map)

    def lists(self, fields: Fields) -> Fields:
        targets = {target: source for source, target in self._pairs()}
        kept = frozenset() if self.only else fields - self.map.keys() - targets.keys()
        return kept | {target for target, source in targets.items() if source in fields}

    def check(self, folder: Path) -> Iterator[Problem]:
        taken: dict[str, str] = {}
        for source, target in self._pairs():
            at = ("map", source)
            if not target:
                yield Problem(at, f'"{source}" is renamed to an empty name')
            elif target in taken:
                message = f'"{taken[target]}" and "{source}" are both renamed to "{target}"'
                yield Problem(at, message, "give each its own name")
            taken[target] = source
        for source, targets in self.map.items():
            if not targets and targets != "":
                hint = "a filter stage removes fields"
                yield Problem(("map", source), f'"{source}" is renamed to nothing', hint)
        if self.only and not self.map:
            yield Problem(("map",), "only the targets of an empty map are kept: no field at all")

    def build(self, context: BuildContext) -> Step:
        pairs = list(self._pairs())
        replaced = {*self.map, *(target for _, target in pairs)}

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            schema = flows.schema
            renamed = [
                flows[before].alias(after)
                for source, target in pairs
                for before, after in (
                    (source, target),
                    (values.overflow(source), values.overflow(target)),
                )
                if before in schema
            ]
            gone = values.names(flows) if self.only else replaced
            kept = values.drop(flows, *gone)
            if pairs and not renamed and not kept.width:
                # A frame without columns forgets its rows when it is sliced.
                empty = pl.repeat(None, flows.height, dtype=pl.String, eager=True)
                renamed = [empty.alias(pairs[0][1])]
            return kept.with_columns(renamed)

        return step

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for source, targets in self.map.items():
            for target in [targets] if isinstance(targets, str) else targets:
                yield source, target
