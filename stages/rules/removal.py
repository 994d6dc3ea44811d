"""Rules that drop flows: each says which."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import polars as pl

from pipeline.diagnostics import Problem
from pipeline.flows import values
from pipeline.predicate.known import unknown_fields
from pipeline.predicate.operand import is_value, of_field
from pipeline.stage import Fields, Step
from stages.rules.base import Rule, sampled


class Removal(Rule, frozen=True, kw_only=True):
    """Drops flows by one field, `input`."""

    input: str

    def reads(self) -> Fields:
        return frozenset({self.input})

    def check(self) -> Iterator[Problem]:
        yield from unknown_fields([self.input], ("input",))

    def drops(self, schema: values.Schema) -> pl.Expr:
        """Boolean, never null: the flow is dropped."""
        raise NotImplementedError

    def build(self, draw: pl.Expr) -> Step:
        return lambda flows: flows.filter(~self.drops(flows.schema))


class RemoveIfExists(Removal, frozen=True, kw_only=True, tag="remove_entry_if_exists"):
    """Drop the flow if it has the field; an explicit null counts."""

    def drops(self, schema: values.Schema) -> pl.Expr:
        return values.present(schema, self.input)


class RemoveIfAbsent(Removal, frozen=True, kw_only=True, tag="remove_entry_if_doesnt_exist"):
    """Drop the flow if the field is absent."""

    def drops(self, schema: values.Schema) -> pl.Expr:
        return ~values.present(schema, self.input)


class RemoveIfEqual(Removal, frozen=True, kw_only=True, tag="remove_entry_if_equal"):
    """Drop the flow if the field is there and is `value`: same kind and value.

    Numbers compare by value whatever their width, where the original tells integers from doubles
    by `cast_int`; here it cuts the fraction off `value`. Addresses are equal in any form. Lists
    and objects compare by content.
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
    """Drop the flow if the field is there and is not `value`; absent is kept."""

    def drops(self, schema: values.Schema) -> pl.Expr:
        return values.present(schema, self.input) & ~self._equals(schema)


AnyRemoval = RemoveIfExists | RemoveIfAbsent | RemoveIfEqual | RemoveIfNotEqual


def _all_drop(rules: list[AnyRemoval], schema: values.Schema) -> pl.Expr:
    return pl.all_horizontal([pl.lit(True), *(rule.drops(schema) for rule in rules)])


class RemoveAllSatisfied(Rule, frozen=True, kw_only=True, tag="remove_entry_all_satisfied"):
    """Drop the flow if each of `rules` would; without rules, drop every flow."""

    rules: list[AnyRemoval]

    def reads(self) -> Fields:
        return frozenset(rule.input for rule in self.rules)

    def check(self) -> Iterator[Problem]:
        for index, rule in enumerate(self.rules):
            yield from unknown_fields([rule.input], ("rules", index, "input"))

    def build(self, draw: pl.Expr) -> Step:
        return lambda flows: flows.filter(~_all_drop(self.rules, flows.schema))


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keep one in `value` of the flows that each of `rules` would drop; 0 keeps all."""

    value: int = 0
    rules: list[AnyRemoval]


class ConditionalSampling(Rule, frozen=True, kw_only=True, tag="conditional_sampling"):
    """The first of `samples` whose rules all hold decides; where none does, the flow is kept."""

    samples: list[Sample]

    @property
    def draws(self) -> bool:
        return True

    def reads(self) -> Fields:
        return frozenset(rule.input for sample in self.samples for rule in sample.rules)

    def check(self) -> Iterator[Problem]:
        for index, sample in enumerate(self.samples):
            if sample.value < 0:
                yield Problem(("samples", index, "value"), "one in how many? 0 keeps all")
            for place, rule in enumerate(sample.rules):
                yield from unknown_fields([rule.input], ("samples", index, "rules", place, "input"))

    def build(self, draw: pl.Expr) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            keeps = pl.lit(True)
            for sample in reversed(self.samples):
                concerned = _all_drop(sample.rules, flows.schema)
                keeps = pl.when(concerned).then(sampled(draw, sample.value)).otherwise(keeps)
            return flows.filter(keeps)

        return step
