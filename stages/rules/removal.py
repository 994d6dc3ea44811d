"""Rules that filter flows out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.flows import values
from pipeline.predicate.operand import is_value, of_field
from pipeline.stage import Fields, Step
from stages.rules.base import Rule, sampled


class Removal(Rule, frozen=True, kw_only=True):
    """A rule that filters flows out by one field, `input`."""

    input: str

    def reads(self) -> Fields:
        return frozenset({self.input})

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        yield ("input",), self.input

    def drops(self, schema: values.Schema) -> pl.Expr:
        """Boolean, never null: the flow is filtered out."""
        raise NotImplementedError

    def build(self, draw: pl.Expr) -> Step:
        return lambda flows: flows.filter(~self.drops(flows.schema))


class RemoveIfExists(Removal, frozen=True, kw_only=True, tag="remove_entry_if_exists"):
    """Filter out the flows with the field; an explicit null counts as a value."""

    def drops(self, schema: values.Schema) -> pl.Expr:
        return values.present(schema, self.input)


class RemoveIfAbsent(Removal, frozen=True, kw_only=True, tag="remove_entry_if_doesnt_exist"):
    """Filter out the flows without the field."""

    def drops(self, schema: values.Schema) -> pl.Expr:
        return ~values.present(schema, self.input)


class RemoveIfEqual(Removal, frozen=True, kw_only=True, tag="remove_entry_if_equal"):
    """Filter out the flows whose field has the kind and the value of `value`.

    Numbers of any width are compared by value; the original tells integers from doubles by
    `cast_int`, which cuts the fraction off `value` here. Two forms of one address are equal. Lists
    and objects are compared by content.
    """

    value: Any = None
    cast_int: bool = False

    def drops(self, schema: values.Schema) -> pl.Expr:
        return values.present(schema, self.input) & self._equals(schema)

    def _equals(self, schema: values.Schema) -> pl.Expr:
        value = self.value
        if self.cast_int and isinstance(value, float) and math.isfinite(value):
            value = int(value)
        return is_value(of_field(schema, self.input), value)


class RemoveIfNotEqual(RemoveIfEqual, frozen=True, kw_only=True, tag="remove_entry_if_not_equal"):
    """Filter out the flows whose field is not `value`; flows without the field are kept."""

    def drops(self, schema: values.Schema) -> pl.Expr:
        return values.present(schema, self.input) & ~self._equals(schema)


AnyRemoval = RemoveIfExists | RemoveIfAbsent | RemoveIfEqual | RemoveIfNotEqual


def _all_drop(rules: list[AnyRemoval], schema: values.Schema) -> pl.Expr:
    return pl.all_horizontal([pl.lit(True), *(rule.drops(schema) for rule in rules)])


class RemoveAllSatisfied(Rule, frozen=True, kw_only=True, tag="remove_entry_all_satisfied"):
    """Filter out the flows that every rule filters out; without rules, every flow."""

    rules: list[AnyRemoval]

    def reads(self) -> Fields:
        return frozenset(rule.input for rule in self.rules)

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        for index, rule in enumerate(self.rules):
            yield ("rules", index, "input"), rule.input

    def build(self, draw: pl.Expr) -> Step:
        return lambda flows: flows.filter(~_all_drop(self.rules, flows.schema))


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keep one in `value` of the flows that every rule would filter out; 0 keeps all."""

    value: int = 0
    rules: list[AnyRemoval]


class ConditionalSampling(Rule, frozen=True, kw_only=True, tag="conditional_sampling"):
    """Filter out flows by the first of `samples` whose rules all hold; keep flows without one."""

    samples: list[Sample]

    @property
    def draws(self) -> bool:
        return True

    def reads(self) -> Fields:
        return frozenset(rule.input for sample in self.samples for rule in sample.rules)

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        for index, sample in enumerate(self.samples):
            for place, rule in enumerate(sample.rules):
                yield ("samples", index, "rules", place, "input"), rule.input

    def check(self) -> Iterator[Problem]:
        for index, sample in enumerate(self.samples):
            if sample.value < 0:
                yield Problem(("samples", index, "value"), "one in how many? 0 keeps all")

    def build(self, draw: pl.Expr) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            keeps = pl.lit(True)
            for sample in reversed(self.samples):
                concerned = _all_drop(sample.rules, flows.schema)
                keeps = pl.when(concerned).then(sampled(draw, sample.value)).otherwise(keeps)
            return flows.filter(keeps)

        return step
