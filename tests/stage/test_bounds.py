from __future__ import annotations

import math

import pytest

from pipeline.stage.bounds import Bound, QuotedBound, ascending, bound
from pipeline.yaml import validate

INFINITE = [
    *("+Inf", "Inf", "inf", "+inf", "INF", ".inf", "+.inf", ".Inf", ".INF", "Infinity"),
    *("+Infinity", "infinity", "1e999", "1E+999", "9" * 400, math.inf),
]


@pytest.mark.parametrize("written", INFINITE)
def test_infinity_in_any_spelling(written: str | float) -> None:
    assert bound(written) == math.inf
    for kind in (Bound, QuotedBound):
        assert list(validate.problems([written], list[kind])) == []  # type: ignore[valid-type] # a parameter


@pytest.mark.parametrize(
    ("written", "number"),
    [("0.01", 0.01), ("1e3", 1000.0), ("-1", -1.0), ("0x1p-2", 0.25), (2, 2.0)],
)
def test_numbers(written: str | float, number: float) -> None:
    assert bound(written) == number


@pytest.mark.parametrize(
    "written", ["NaN", "nan", math.nan, ".nan", "-Inf", -math.inf, "-1e999", "", "many", " 1", "1 "]
)
def test_what_is_not_a_bound(written: str | float) -> None:
    with pytest.raises(ValueError, match='is not a number or "\\+Inf"'):
        bound(written)


def test_ascending_bounds() -> None:
    assert ascending(["+Inf", "1", "0.5", 1, "Inf"]) == (0.5, 1.0, math.inf)


def test_only_infinity_may_be_a_text_in_a_configuration() -> None:
    found = validate.problems([1, "0.5", "+Inf", math.nan], list[Bound])
    assert [(problem.path, problem.message) for problem in found] == [
        ((1,), 'expected a number or "+Inf", got "0.5"'),
        ((3,), 'expected a number or "+Inf", got nan'),
    ]


def test_only_infinity_may_be_a_number_in_a_custom_resource() -> None:
    found = validate.problems(["1", 0.5, math.inf, "NaN"], list[QuotedBound])
    assert [(problem.path, problem.message) for problem in found] == [
        ((1,), 'expected a number in quotes or "+Inf", got 0.5'),
        ((3,), 'expected a number in quotes or "+Inf", got "NaN"'),
    ]
