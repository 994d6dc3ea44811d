"""Macros: what they are told, and what replaces them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipeline.plan.expand import expand_macros
from pipeline.stage import (
    BuildContext,
    Expansion,
    Macro,
    ResourceMacro,
    ResourcePool,
    Spec,
)
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.ingest_file import IngestFile
from stages.pass_through import PassThrough

SOURCE = IngestFile(name="in", path="x")
OWN = EncodePrometheus(name="own", follows="in", metrics=[Metric(name="taken")])
POOL = ResourcePool()


class Two(Macro, frozen=True, kw_only=True, tag="test_two"):
    """Stands for two stages, and drops its followers."""

    def expand(
        self, context: BuildContext, followers: Sequence[Spec], taken: Collection[str]
    ) -> Expansion:
        names = [self.name, *(stage.name for stage in followers), *sorted(taken)]
        stages: list[Spec] = [PassThrough(name=f"{self.name}/{i}", follows="in") for i in (1, 2)]
        return Expansion(stages, statuses=[{"told": names}])


class Using(ResourceMacro, frozen=True, kw_only=True, tag="test_using"):
    """Tells whether it was given resources."""

    def expand(
        self,
        context: BuildContext,
        followers: Sequence[Spec],
        taken: Collection[str],
        resources: ResourcePool | None = None,
    ) -> Expansion:
        return Expansion([], statuses=[{"given": resources}])


def test_a_macro_is_replaced_with_its_followers() -> None:
    stages = [SOURCE, Two(name="m", follows="in"), PassThrough(name="f", follows="m"), OWN]
    expanded = expand_macros(stages, BuildContext())
    assert [stage.name for stage in expanded.stages] == ["in", "own", "m/1", "m/2"]
    (expansion,) = expanded.expansions
    assert expansion.statuses == [{"told": ["m", "f", "taken"]}]


def test_a_macro_sees_the_metrics_of_macros_before_it() -> None:
    stages = [SOURCE, Two(name="a", follows="in"), Two(name="b", follows="in"), OWN]
    told = [one.statuses for one in expand_macros(stages, BuildContext()).expansions]
    assert told == [[{"told": ["a", "taken"]}], [{"told": ["b", "taken"]}]]


def test_only_those_that_declare_it_are_given_resources() -> None:
    for resources in (None, POOL):
        stages = [SOURCE, Using(name="u", follows="in"), Two(name="m", follows="in")]
        first, _ = expand_macros(stages, BuildContext(), resources).expansions
        assert first.statuses == [{"given": resources}]
