"""Parts of an expression on a value (docs/reference/transforms.md#expressions)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pipeline.predicate.operand import of_field
from pipeline.predicate.term import (
    Among,
    Arithmetic,
    Constant,
    Junction,
    Negative,
    Ordering,
    Search,
    Term,
    Val,
)
from pipeline.testing import frame

VAL = Val()
SEVEN, TEXT, YES, NO = Constant(7), Constant("x"), Constant(True), Constant(False)
ERROR = Negative("-", TEXT)
"""A part that has no value."""


def value(term: Term, val: object = None) -> Any:
    """The value of a term for a value of the field; None where there is an error."""
    flows = frame([{"A": val}])
    operand = term.operand(of_field(flows.schema, "A"))
    found = [flows.with_columns(found=kind)["found"].item() for kind in operand.kinds]
    return next((one for one in found if one is not None), None)


@pytest.mark.parametrize(
    ("sign", "left", "right", "result"),
    [
        ("+", 2, 3, 5.0),
        ("-", 2, 3, -1.0),
        ("*", 2, 3, 6.0),
        ("/", 3, 2, 1.5),
        ("/", 1, 0, math.inf),
        ("**", 2, 10, 1024.0),
        ("%", 7, 4, 3.0),
        ("%", -7, 4, -3.0),
        ("%", 7, -4, 3.0),
        ("+", "a", "b", "ab"),
        ("+", "a", 1.5, "a1.5"),
        ("+", 1e6, "b", "1e+06b"),
        ("-", "a", 1, None),
        ("*", "a", "b", None),
    ],
)
def test_arithmetic(sign: str, left: float | str, right: float | str, result: object) -> None:
    """The remainder has the sign of the left number; `+` with a text joins."""
    assert value(Arithmetic(sign, Constant(left), Constant(right))) == result


def test_the_sum_of_two_values_that_are_no_text_nor_number_is_an_error() -> None:
    assert value(Arithmetic("+", YES, SEVEN)) is None
    assert value(Arithmetic("+", VAL, TEXT), [1]) == "[1]x"
    assert value(Arithmetic("+", VAL, TEXT), None) == "<nil>x"


@pytest.mark.parametrize(
    ("sign", "part", "result"),
    [("-", SEVEN, -7.0), ("-", TEXT, None), ("!", YES, False), ("!", NO, True), ("!", SEVEN, None)],
)
def test_signs_before_a_value(sign: str, part: Term, result: object) -> None:
    assert value(Negative(sign, part)) == result


@pytest.mark.parametrize(
    ("sign", "left", "right", "result"),
    [
        ("<", 2, 10, True),
        ("<", "2", "10", False),
        ("<=", 2, 2, True),
        (">", "b", "a", True),
        (">=", 1, 2, False),
        (">", "Z", "a", False),
        ("<", 1, "2", None),
    ],
)
def test_an_order_is_of_two_numbers_or_two_texts(
    sign: str, left: float | str, right: float | str, result: object
) -> None:
    assert value(Ordering(sign, Constant(left), Constant(right))) is result


def test_among_compares_kind_and_value() -> None:
    choices = (SEVEN, TEXT, YES)
    assert [value(Among(VAL, choices), val) for val in (7, "x", True, "7", 1, None)] == [
        *(True, True, True),
        *(False, False, False),
    ]


def test_an_error_in_any_choice_is_an_error() -> None:
    assert value(Among(VAL, (SEVEN, ERROR)), 7) is None
    assert value(Among(ERROR, (SEVEN,)), 7) is None


def test_a_search_is_in_a_text_only() -> None:
    search = Search(VAL, "^s")
    assert [value(search, val) for val in ("shop", "as", 7, None)] == [True, False, None, None]


@pytest.mark.parametrize(
    ("sign", "left", "right", "result"),
    [
        ("&&", YES, YES, True),
        ("&&", YES, NO, False),
        ("&&", NO, ERROR, False),
        ("&&", YES, ERROR, None),
        ("||", YES, ERROR, True),
        ("||", NO, ERROR, None),
        ("||", NO, YES, True),
        ("||", NO, SEVEN, None),
        ("&&", SEVEN, YES, None),
        ("||", ERROR, YES, None),
    ],
)
def test_the_right_side_counts_only_where_the_left_does_not_decide(
    sign: str, left: Term, right: Term, result: object
) -> None:
    assert value(Junction(sign, left, right)) is result


def test_terms_of_equal_content_are_equal() -> None:
    assert Ordering("<", VAL, SEVEN) == Ordering("<", Val(), Constant(7))
    assert Ordering("<", VAL, SEVEN) != Ordering(">", VAL, SEVEN)


def test_each_flow_has_its_own_value() -> None:
    flows = frame([{"A": 7}, {"A": "x"}, {"A": True}, {}])
    flag = Among(VAL, (SEVEN,)).operand(of_field(flows.schema, "A")).flag
    assert flag is not None
    assert flows.select(flag.alias("f"))["f"].to_list() == [True, False, False, False]
