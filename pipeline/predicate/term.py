"""The parts of an expression on a value, see `pipeline.predicate.expression`.

Source: docs/reference/transforms.md#expressions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

import msgspec
import polars as pl

from pipeline.predicate import regex
from pipeline.predicate.operand import Operand, equal, is_value, of_value, printed


def _remainder(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """The remainder has the sign of the left number, as in C and Go."""
    return left.sign() * (left.abs() % right.abs())


_Binary: TypeAlias = "Callable[[pl.Expr, pl.Expr], pl.Expr]"
_ARITHMETIC: dict[str, _Binary] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": _remainder,
    "**": operator.pow,
}
ORDER: dict[str, _Binary] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Term(msgspec.Struct, frozen=True):
    """A part of an expression."""

    def operand(self, val: Operand) -> Operand:
        """The value of the term for a value of the field; null for a row with an error."""
        raise NotImplementedError


class Val(Term, frozen=True):
    """The value of the field."""

    def operand(self, val: Operand) -> Operand:
        return val


class Constant(Term, frozen=True):
    """A number, a text or a boolean."""

    value: float | str | bool

    def operand(self, val: Operand) -> Operand:
        return of_value(self.value)


class Negative(Term, frozen=True):
    """`-x` of a number, `!x` of a boolean."""

    sign: str
    part: Term

    def operand(self, val: Operand) -> Operand:
        part = self.part.operand(val)
        if self.sign == "!":
            return Operand(flag=None if part.flag is None else ~part.flag)
        return Operand(number=None if part.number is None else -part.number)


class Arithmetic(Term, frozen=True):
    """An operation on two numbers gives a number; `+` with a text gives a text."""

    sign: str
    left: Term
    right: Term

    def operand(self, val: Operand) -> Operand:
        left, right = self.left.operand(val), self.right.operand(val)
        number = text = None
        if left.number is not None and right.number is not None:
            number = _ARITHMETIC[self.sign](left.number, right.number)
        texts = [side.text for side in (left, right) if side.text is not None]
        if self.sign == "+" and texts:
            joins = pl.any_horizontal([side.is_not_null() for side in texts])
            text = pl.when(joins).then(printed(left) + printed(right))
        return Operand(number=number, text=text)


class Ordering(Term, frozen=True):
    """`<`, `<=`, `>` or `>=` of two numbers or two texts (by byte)."""

    sign: str
    left: Term
    right: Term

    def operand(self, val: Operand) -> Operand:
        left, right = self.left.operand(val), self.right.operand(val)
        compare = ORDER[self.sign]
        pairs = ((left.number, right.number), (left.text, right.text))
        kinds = [compare(a, b) for a, b in pairs if a is not None and b is not None]
        return Operand(flag=pl.coalesce(kinds) if kinds else None)


class Among(Term, frozen=True):
    """Equal to one of the choices: `==` has one, `in` several."""

    left: Term
    choices: tuple[Term, ...]

    def operand(self, val: Operand) -> Operand:
        left = self.left.operand(val)
        choices = [choice.operand(val) for choice in self.choices]
        valid = pl.all_horizontal([side.valid for side in (left, *choices)])
        among = pl.any_horizontal(
            [
                is_value(left, term.value) if isinstance(term, Constant) else equal(left, choice)
                for term, choice in zip(self.choices, choices, strict=True)
            ]
        )
        return Operand(flag=pl.when(valid).then(among))


class Search(Term, frozen=True):
    """`=~`: the regex is found in a text."""

    left: Term
    regex: str

    def operand(self, val: Operand) -> Operand:
        text = self.left.operand(val).text
        return Operand(flag=None if text is None else regex.search(text, self.regex))


class Junction(Term, frozen=True):
    """`&&` and `||` of booleans; the right one is only reached when the left does not decide."""

    sign: str
    left: Term
    right: Term

    def operand(self, val: Operand) -> Operand:
        left, right = self.left.operand(val).flag, self.right.operand(val).flag
        if left is None:
            return Operand()
        other = pl.lit(None, dtype=pl.Boolean) if right is None else right
        decides = ~left if self.sign == "&&" else left
        return Operand(flag=pl.when(decides).then(left).when(~decides).then(other))
