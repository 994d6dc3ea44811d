"""The conditions of a query: trees that compile to a Polars expression.

Source: docs/reference/transforms.md#query-language.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import msgspec
import polars as pl

from pipeline.flows import cidr, prefix_table, values
from pipeline.predicate import regex, template
from pipeline.stage import Fields

COMPARISONS: dict[str, Callable[[pl.Expr, float], pl.Expr]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class Query(msgspec.Struct, frozen=True):
    """A condition. Immutable, comparable, and independent of any frame."""

    @property
    def fields(self) -> Fields:
        """The fields that the condition reads."""
        raise NotImplementedError

    def expr(self, schema: values.Schema) -> pl.Expr:
        """Boolean, never null: the condition holds for a flow of a frame with this schema."""
        raise NotImplementedError


class All(Query, frozen=True):
    """Every part holds."""

    parts: tuple[Query, ...]

    @property
    def fields(self) -> Fields:
        return frozenset().union(*(part.fields for part in self.parts))

    def expr(self, schema: values.Schema) -> pl.Expr:
        return pl.all_horizontal([part.expr(schema) for part in self.parts])


class Any(All, frozen=True):
    """At least one part holds."""

    def expr(self, schema: values.Schema) -> pl.Expr:
        return pl.any_horizontal([part.expr(schema) for part in self.parts])


class Not(Query, frozen=True):
    """The part does not hold; it is therefore true for a flow without the field."""

    part: Query

    @property
    def fields(self) -> Fields:
        return self.part.fields

    def expr(self, schema: values.Schema) -> pl.Expr:
        return ~self.part.expr(schema)


class Present(Query, frozen=True):
    """`with(F)`."""

    field: str

    @property
    def fields(self) -> Fields:
        return frozenset({self.field})

    def expr(self, schema: values.Schema) -> pl.Expr:
        return values.present(schema, self.field)


class Equal(Query, frozen=True):
    """`F = S`: the field equals this text; a number is only equal when S has a `$(Field)`.

    Two forms of one address are equal.
    """

    field: str
    value: str

    @property
    def fields(self) -> Fields:
        return frozenset({self.field, *template.references(self.value)})

    def expr(self, schema: values.Schema) -> pl.Expr:
        if template.references(self.value):
            same = values.text(schema, self.field) == template.filled(self.value, schema)
        else:
            same = cidr.equals(values.string(schema, self.field), self.value)
        return same.fill_null(value=False)


class Matches(Query, frozen=True):
    """`F =~ S`: the regex is found in the text of the field."""

    field: str
    regex: str

    @property
    def fields(self) -> Fields:
        return frozenset({self.field})

    def expr(self, schema: values.Schema) -> pl.Expr:
        matched = regex.search(values.text(schema, self.field), self.regex)
        return matched.fill_null(value=False)


class Within(Query, frozen=True):
    """`F in S`: the address in the field, in any form, is in a network."""

    field: str
    network: str

    @property
    def fields(self) -> Fields:
        return frozenset({self.field})

    def expr(self, schema: values.Schema) -> pl.Expr:
        texts = values.string(schema, self.field)
        return prefix_table.within(texts, self.network).fill_null(value=False)


class Compares(Query, frozen=True):
    """`F op N` on the integer part of a number; false for absent and for other types, even `!=`."""

    field: str
    operator: str
    number: int

    @property
    def fields(self) -> Fields:
        return frozenset({self.field})

    def expr(self, schema: values.Schema) -> pl.Expr:
        compare = COMPARISONS[self.operator]
        number = values.integer(schema, self.field)
        return compare(number, float(self.number)).fill_null(value=False)
