"""Durations: what Go's parser takes, in seconds."""

import contextlib
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import duration

EXPECTED = 'expected a duration such as "10s", "1h30m", or a number of'

TEXTS = {
    "0": 0.0,
    "10s": 10.0,
    "2m": 120.0,
    "1h30m": 5400.0,
    "500ms": 0.5,
    "1.5h": 5400.0,
    ".5s": 0.5,
    "1.s": 1.0,
    "3us": 3e-6,
    "3µs": 3e-6,
    "4ns": 4e-9,
    "+1s": 1.0,
    "1m1ms": 60.001,
}
REFUSED = [
    "",
    "10",
    "s",
    ".s",
    "1 s",
    "1S",
    "1d",
    "-1s",
    "1e3s",
    "1s ",
    "1s\n",
    "9000000h",
    "٣s",
    "--1s",
]


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_texts(text: str, expected: float) -> None:
    assert math.isclose(duration.seconds(text), expected)
    assert math.isclose(duration.from_go(text), expected)
    assert msgspec.convert(text, duration.Duration) == text


@pytest.mark.parametrize("value", [*REFUSED, math.nan, math.inf, -1, 1e18])
def test_what_is_refused(value: str | float) -> None:
    with pytest.raises(ValueError, match=EXPECTED) as caught:
        duration.seconds(value)
    assert f'"{value}" is not a duration' in str(caught.value)


@pytest.mark.parametrize("value", [*REFUSED, math.nan, math.inf, -1])
def test_the_field_type_refuses_the_same(value: str | float) -> None:
    if value == "9000000h":  # only arithmetic tells
        return
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, duration.Duration)


def test_bare_numbers() -> None:
    assert duration.seconds(90) == 90.0
    assert duration.seconds(0.25) == 0.25
    assert duration.from_go(90_000_000_000) == 90.0
    assert duration.from_go("-1h") == -3600.0
    with pytest.raises(ValueError, match=r'"1x" is not a duration: .* number of nanoseconds'):
        duration.from_go("1x")


@given(st.text(alphabet="0123456789.hmsnuµ+- e"))
def test_any_text_is_a_duration_or_an_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert 0 <= duration.seconds(text) < 1e10
