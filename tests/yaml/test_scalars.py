"""Scalars of YAML 1.2 and variables in them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.yaml import scalars

VALUES: dict[str, scalars.Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "nUll": "nUll",
    "true": True,
    "FALSE": False,
    "yes": "yes",
    "off": "off",
    "12": 12,
    "-12": -12,
    "+12": 12,
    "012": 12,
    "0o17": 15,
    "0xfF": 255,
    "0o7777777777777777777777": "0o7777777777777777777777",
    "0b1": "0b1",
    "1_000": "1_000",
    "1:30": "1:30",
    "1.": 1.0,
    ".5": 0.5,
    "1e3": 1000.0,
    "-1.5E-1": -0.15,
    ".inf": math.inf,
    "-.INF": -math.inf,
    "18446744073709551615": 2**64 - 1,
    "18446744073709551616": 2.0**64,
    "9" * 5000: math.inf,
    "2024-01-01": "2024-01-01",
    "=": "=",
}

ENVIRON = {"PORT": "8080", "EMPTY": "", "TRICKY": "${PORT} $$ [a]"}
TEXTS = {
    "plain": "plain",
    "${PORT}": "8080",
    "a${PORT}b${PORT}": "a8080b8080",
    "${EMPTY}": "",
    "${EMPTY:-x y}": "x y",
    "${EMPTY-x}": "",
    "${NONE-x}": "x",
    "${NONE:-}": "",
    "${PORT:-x}": "8080",
    "${PORT:?m}": "8080",
    "${EMPTY?m}": "",
    "${TRICKY}": "${PORT} $$ [a]",
    "$$": "$",
    "$${PORT}": "${PORT}",
    "$$${PORT}": "$8080",
    "^[a-z]+$": "^[a-z]+$",
    "$(SrcK8S_Zone)": "$(SrcK8S_Zone)",
    "$PORT": "$PORT",
    "$1": "$1",
    "{PORT}": "{PORT}",
}
REFUSED = {
    "${NONE}": "variable NONE is not set",
    "${NONE:?}": "variable NONE is not set",
    "${EMPTY:?give a port}": "variable EMPTY: give a port",
    "${NONE?no}": "variable NONE: no",
    "${}": "this is not a valid reference to a variable",
    "${1}": "this is not a valid reference to a variable",
    "${PORT": "this is not a valid reference to a variable",
    "${PORT:+x}": "this is not a valid reference to a variable",
    "${A:-${B}}": "this is not a valid reference to a variable",
}


@pytest.mark.parametrize(("text", "value"), VALUES.items(), ids=lambda v: str(v)[:20])
def test_core(text: str, value: scalars.Scalar) -> None:
    assert scalars.core(text) == value
    assert type(scalars.core(text)) is type(value)


def test_not_a_number() -> None:
    value = scalars.core(".NaN")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_substitute(text: str, expected: str) -> None:
    assert scalars.substitute(text, ENVIRON) == expected


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_what_cannot_be_substituted(text: str, message: str) -> None:
    with pytest.raises(scalars.VariableError) as caught:
        scalars.substitute(text, ENVIRON)
    assert str(caught.value) == message
    assert ("write $${" in caught.value.hint) == ("valid reference" in message)


@given(st.text(alphabet="${}A:-? $"))
def test_escape_is_undone(text: str) -> None:
    assert scalars.substitute(scalars.escape(text), {}) == text


@pytest.mark.parametrize(
    ("text", "tag", "value"),
    [("12", "str", "12"), ("12", "float", 12.0), ("12", "int", 12), ("", "null", None)],
)
def test_tagged(text: str, tag: str, value: scalars.Scalar) -> None:
    assert scalars.tagged(text, tag) == value
    assert type(scalars.tagged(text, tag)) is type(value)


def test_tags_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match='the value does not fit its tag "int"'):
        scalars.tagged("x", "int")
    with pytest.raises(ValueError, match="unknown tag"):
        scalars.tagged("2024-01-01", "timestamp")
