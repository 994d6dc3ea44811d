"""Single values as Go prints and reads them (docs/reference/decoding.md#conversions)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows import gotext

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (443.0, "443"),
        (1e-7, "0.0000001"),
        (-0.0, "-0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e21, "1" + "0" * 21),
        (2.0**53, "9007199254740992"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_a_double_prints_without_an_exponent(number: float, text: str) -> None:
    assert gotext.plain(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (999999.0, "999999"),
        (1e6, "1e+06"),
        (-1234567.0, "-1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e100, "1e+100"),
        (0.0, "0"),
        (-0.0, "-0"),
        (math.inf, "+Inf"),
    ],
)
def test_a_nested_double_has_an_exponent_below_four_and_above_six_digits(
    number: float, text: str
) -> None:
    assert gotext.general(number) == text


@given(FINITE)
def test_both_forms_read_back_as_the_same_double(number: float) -> None:
    assert float(gotext.plain(number)) == number
    assert float(gotext.general(number)) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (1e6, "1000000"),
        (None, "<nil>"),
        ([], "[]"),
        (["a", "b c"], "[a b c]"),
        ([1e6, None, [True]], "[1e+06 <nil> [true]]"),
        ({}, "map[]"),
        ({"k2": "v2", "k": "v", "K": 1.5}, "map[K:1.5 k:v k2:v2]"),
    ],
)
def test_values_of_every_kind_as_text(value: object, text: str) -> None:
    """Only a double at the top is plain; inside a list or a map it may have an exponent."""
    assert gotext.text(value) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("443", 443.0),
        ("-1.5e3", -1500.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1_000", 1000.0),
        ("0x1p-2", 0.25),
        ("-0X_1F.8p1", -63.0),
        ("Inf", math.inf),
        ("-infinity", -math.inf),
        ("1e-400", 0.0),
    ],
)
def test_texts_that_are_doubles(text: str, number: float) -> None:
    assert gotext.parse_float(text) == number


def test_nan_is_a_double_in_any_case() -> None:
    for text in ("nan", "NaN", "NAN"):
        number = gotext.parse_float(text)
        assert number is not None
        assert math.isnan(number)


@pytest.mark.parametrize(
    "text",
    [
        *("", " 1", "1 ", "1e", "e5", ".", "+", "1__0", "_1", "1_", "one", "true", "1,5", "1\n"),
        *("0x10", "1e999", "0x1p9999", "9" * 5000, "\u0663", "1e\u0663", "0x1p\u0663"),
    ],
)
def test_texts_that_are_not_doubles(text: str) -> None:
    """Among them what is beyond a double, a hexadecimal without `p`, a digit that is not ASCII."""
    assert gotext.parse_float(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("443", 443),
        ("-7", -7),
        ("+7", 7),
        ("007", 7),
        (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63)), -(2**63)),
        (str(2**63), None),
        ("1.0", None),
        ("1_000", None),
        ("0x10", None),
        (" 1", None),
        ("1\n", None),
        ("", None),
        ("\u0663", None),
        ("9" * 5000, None),
        ("-" + "0" * 5000 + "7", -7),
    ],
)
def test_integers_are_decimal_and_of_64_bits(text: str, number: int | None) -> None:
    assert gotext.parse_integer(text) == number


def test_the_numbers_of_a_json_value_become_doubles() -> None:
    decoded = gotext.decode_overflow('{"a":[1,true,null,"1"],"b":2.5}')
    assert decoded == {"a": [1.0, True, None, "1"], "b": 2.5}
    assert isinstance(decoded, dict)
    assert [type(item) for item in decoded["a"]] == [float, bool, type(None), str]


@pytest.mark.parametrize(
    ("json_text", "text", "number"),
    [
        ("70000", "70000", 70000.0),
        ("1000000", "1000000", 1e6),
        ("[1000000]", "[1e+06]", None),
        ('"443"', "443", 443.0),
        ('"many"', "many", None),
        ("true", "true", None),
        ("null", "<nil>", None),
        ('{"a":1}', "map[a:1]", None),
    ],
)
def test_an_overflow_cell_as_text_and_as_number(
    json_text: str, text: str, number: float | None
) -> None:
    """A boolean, a list and an object are not numbers."""
    assert gotext.overflow_text(json_text) == text
    assert gotext.overflow_number(json_text) == number


@pytest.mark.parametrize("digits", ["0", "1_", "0x" + "a" * 99, "1." + "0" * 99, "1e" + "0" * 99])
def test_a_long_text_of_digits_is_read_once(digits: str) -> None:
    """It took quadratic time: a flow with a text of a megabyte held a worker for hours."""
    long = digits + digits[-1] * (1 << 20)
    assert gotext.parse_float(long + "!") is None
    assert gotext.parse_integer(long + "!") is None
    assert gotext.parse_float("0" * (1 << 20) + "7.5") == 7.5
    assert gotext.parse_float("0x" + "0" * (1 << 20) + "8p1") == 16
