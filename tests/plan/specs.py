"""Stages that the tests of plans have in common."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipeline.stage import (
    BuildContext,
    Encoder,
    Expansion,
    Family,
    Fields,
    Kind,
    Macro,
    Spec,
    Transform,
)


class Split(Transform, frozen=True, kw_only=True, tag="split"):
    field: str

    def lists(self, fields: Fields) -> Fields:
        return fields - {self.field}


class Out(Encoder, frozen=True, kw_only=True, tag="out"):
    labels: tuple[str, ...] = ()

    def families(self) -> tuple[Family, ...]:
        return (Family(f"{self.name}_total", Kind.COUNTER, self.labels),)


class Many(Macro, frozen=True, kw_only=True, tag="many"):
    def expand(
        self, context: BuildContext, followers: Sequence[Spec], taken: Collection[str]
    ) -> Expansion:
        return Expansion([])
