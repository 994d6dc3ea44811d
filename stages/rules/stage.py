"""The rules of flowlogs-pipeline's transform filter (docs/reference/transforms.md#filter)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

import polars as pl

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.flows import assign, values
from pipeline.predicate import query as language
from pipeline.predicate.condition import Query
from pipeline.stage import BuildContext, Example, Fields, Step, Transform
from stages.rules.adding import AnyAdding, collect_labels
from stages.rules.base import Rule, sampled
from stages.rules.removal import AnyRemoval, ConditionalSampling, RemoveAllSatisfied


class KeepQuery(Rule, frozen=True, kw_only=True, tag="keep_entry_query"):
    """Keep the flows that meet `query`, one in `sampling` of them (0: all).

    One of several such rules must keep the flow; a flow that one rule samples out may be kept by
    the next.
    """

    query: str
    sampling: int = 0

    @property
    def draws(self) -> bool:
        return self.sampling > 1

    def reads(self) -> Fields:
        return language.fields(self.query)

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        yield from ((("query",), name) for name in sorted(language.fields(self.query)))

    def check(self) -> Iterator[Problem]:
        yield from language.problems(self.query, ("query",))
        if self.sampling < 0:
            yield Problem(("sampling",), "one in how many? 0 keeps all")


AnyRule = KeepQuery | AnyRemoval | RemoveAllSatisfied | ConditionalSampling | AnyAdding


class Rules(Transform, frozen=True, kw_only=True, tag="rules"):
    """Apply the rules in order, but every `keep_entry_query` first.

    The sampling interval of the rule that kept a flow multiplies its `sampling_field` (0 counts as
    1, an absent field becomes the interval, a value that is not a number stays).
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: rules
              type: rules
              follows: flows
              rules:
                - {type: keep_entry_query, query: Proto = 6 or Proto = 17}
                - {type: add_field_if_doesnt_exist, input: K8S_ClusterName, value: east}
                - {type: remove_field, input: Duplicate}
        """,
        flows="""
            {"Proto": 6, "Duplicate": false}
            {"Proto": 1, "Duplicate": false}
            {"Proto": 17, "K8S_ClusterName": "west"}
        """,
        output="""
            {"Proto": 6, "K8S_ClusterName": "east"}
            {"Proto": 17, "K8S_ClusterName": "west"}
        """,
    )

    rules: list[AnyRule]
    sampling_field: str = ""

    def reads(self) -> Fields:
        own = {self.sampling_field} if self.sampling_field else set[str]()
        if any(rule.draws for rule in self.rules):
            own.add(values.NUMBER)
        return frozenset(own).union(*(rule.reads() for rule in self.rules))

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        """But what the rules before the one that names it make, or a field with such a prefix."""
        made: Fields = frozenset()
        for index, rule in enumerate(self.rules):
            for path, name in rule.named():
                if not name.startswith(tuple(made)):
                    yield ("rules", index, *path), name
            made |= rule.makes()

    def makes(self) -> tuple[Fields, bool]:
        return frozenset[str]().union(*(rule.makes() for rule in self.rules)), True

    def check(self, folder: Path) -> Iterator[Problem]:
        for index, rule in enumerate(self.rules):
            for problem in rule.check():
                yield problem.under("rules", index)

    def build(self, context: BuildContext) -> Step:
        seeds = {
            index: context.random.getrandbits(63)
            for index, rule in enumerate(self.rules)
            if rule.draws
        }
        keeps = [
            _Keep(language.parse(rule.query), rule.sampling, pl.col(_draw(index)))
            for index, rule in enumerate(self.rules)
            if isinstance(rule, KeepQuery)
        ]
        steps = [
            rule.build(pl.col(_draw(index)))
            for index, rule in enumerate(self.rules)
            if not isinstance(rule, KeepQuery)
        ]

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            flows = _with_draws(flows, seeds)
            if keeps:
                flows = _kept(flows, keeps, self.sampling_field)
            for apply in steps:
                flows = apply(flows)
            return collect_labels(flows, self.rules).drop(map(_draw, seeds))

        return step


class _Keep(NamedTuple):
    query: Query
    interval: int
    draw: pl.Expr


_INTERVAL = values.HIDDEN + "interval"
_FLOWS = 2**20
"""A multiplier greater than the number of flows in a message."""


def _kept(flows: pl.DataFrame, keeps: list[_Keep], field: str) -> pl.DataFrame:
    """The flows that a rule keeps, with its interval multiplied into the sampling field."""
    interval = pl.lit(None, dtype=pl.Int64)
    for keep in reversed(keeps):
        passes = keep.query.expr(flows.schema) & sampled(keep.draw, keep.interval)
        interval = pl.when(passes).then(pl.lit(keep.interval, dtype=pl.Int64)).otherwise(interval)
    flows = flows.with_columns(interval.alias(_INTERVAL)).filter(pl.col(_INTERVAL).is_not_null())
    if field and any(keep.interval for keep in keeps):
        absent = ~values.present(flows.schema, field)
        before = pl.when(absent).then(1.0).otherwise(values.integer(flows.schema, field))
        factor = pl.col(_INTERVAL).replace(0, None)
        product = flows.select(before.replace(0.0, 1.0) * factor).to_series()
        flows = assign.put_number(flows, field, product)
    return flows.drop(_INTERVAL)


def _draw(index: int) -> str:
    return f"{values.HIDDEN}draw{index}"


def _with_draws(flows: pl.DataFrame, seeds: Mapping[int, int]) -> pl.DataFrame:
    """A column of numbers in [0, 1) for each rule that draws, by the rule's seed.

    A draw depends on the seed, the number of the message, and the place of the flow among the
    flows of its message, but not on how messages are split into batches.
    """
    if not seeds:
        return flows
    flow = flows[values.NUMBER] * _FLOWS
    if flow.n_unique() < len(flow):  # of a message that was split into several flows
        flow += flows.select(
            pl.int_range(pl.len(), dtype=pl.UInt64).over(values.NUMBER)
        ).to_series()
    return flows.with_columns(
        (flow.hash(seed) // 2**32 / 2**32).alias(_draw(rule)) for rule, seed in seeds.items()
    )
