"""A value of a condition: a number, a text, a boolean or another JSON value."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import polars as pl

from pipeline.flows import cidr, gotext, values


class Operand(NamedTuple):
    """One expression per kind of value; in a row at most one is not null.

    `number` is Float64, `text` String, `flag` Boolean and `other` String: the JSON text of a
    list, an object or null (also for an absent field). A row in which all are null has no value,
    because of an error. An attribute that is None means that the operand never has that kind.
    """

    number: pl.Expr | None = None
    text: pl.Expr | None = None
    flag: pl.Expr | None = None
    other: pl.Expr | None = None

    @property
    def kinds(self) -> list[pl.Expr]:
        """The kinds that the operand may have."""
        return [kind for kind in self if kind is not None]

    @property
    def valid(self) -> pl.Expr:
        """Boolean, never null: the row has a value."""
        return pl.any_horizontal([pl.lit(False), *(kind.is_not_null() for kind in self.kinds)])


def of_field(schema: values.Schema, name: str) -> Operand:
    """The value of a field, typed as in JSON: numbers of any width are numbers."""
    dtype, mixed = schema.get(name, pl.Null()), values.overflow(name) in schema
    scalars = Operand(
        values.numeric(schema, name) if mixed or dtype.is_numeric() else None,
        values.string(schema, name) if mixed or dtype == pl.String else None,
        values.boolean(schema, name) if mixed or dtype == pl.Boolean else None,
    )
    other = pl.lit("null")
    if mixed or dtype.is_nested():
        json = values.distinct(values.cell(schema, name), _canonical, pl.String())
        other = json.fill_null("null")
    return scalars._replace(other=pl.when(~scalars.valid).then(other))


def of_value(value: object) -> Operand:
    """The operand of a constant from YAML or from an expression."""
    if isinstance(value, bool):
        return Operand(flag=pl.lit(value))
    if isinstance(value, (int, float)):
        return Operand(number=pl.lit(float(value)))
    if isinstance(value, str):
        return Operand(text=pl.lit(value))
    return Operand(other=pl.lit(_encoded(value)))


def equal(left: Operand, right: Operand) -> pl.Expr:
    """Boolean, never null: kind and value are equal. Lists are compared by element."""
    same = [
        (a == b).fill_null(value=False)
        for a, b in zip(left, right, strict=True)
        if a is not None and b is not None
    ]
    return pl.any_horizontal([pl.lit(False), *same])


def is_value(left: Operand, value: object) -> pl.Expr:
    """Boolean, never null: `equal` to a constant; two forms of one address are equal."""
    if isinstance(value, str) and left.text is not None:
        return cidr.equals(left.text, value).fill_null(value=False)
    return equal(left, of_value(value))


def printed(operand: Operand) -> pl.Expr:
    """String: the value as Go's %v prints it; null for a row without a value."""
    texts = [] if operand.text is None else [operand.text]
    if operand.number is not None:
        number = operand.number.cast(pl.String)
        texts.append(values.distinct(number, lambda text: gotext.general(float(text)), pl.String()))
    if operand.flag is not None:
        texts.append(operand.flag.cast(pl.String))
    if operand.other is not None:
        texts.append(values.distinct(operand.other, _nested, pl.String()))
    return pl.coalesce(texts)


def _encoded(value: object) -> str:
    return msgspec.json.encode(gotext.doubles(value), order="sorted").decode()


def _canonical(json_text: str) -> str:
    return _encoded(msgspec.json.decode(json_text))


def _nested(json_text: str) -> str:
    return gotext.nested(gotext.decode_overflow(json_text))
