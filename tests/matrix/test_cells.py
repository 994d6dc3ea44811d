"""What stands in the cells of tables."""

from __future__ import annotations

import pytest

from matrix.cells import bytes_text, clean, number_text, time_text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (6.0, "6"), (1234567.0, "1,234,567"), (0.5, "0.5"), (2 / 3, "0.667")],
)
def test_numbers(value: float, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e300])
def test_numbers_that_cannot_be_counts(value: float) -> None:
    assert number_text(value).lower().startswith(("nan", "inf", "-inf", "1,000"))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (999, "999 B"),
        (1536, "1.5 KiB"),
        (12 << 20, "12 MiB"),
        (-5, "-5 B"),
        (-1536, "-1.5 KiB"),
        (-(12 << 20), "-12 MiB"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
    ],
)
def test_bytes(number: float, text: str) -> None:
    assert bytes_text(number) == text


def test_times_and_names() -> None:
    assert time_text(1_761_645_899.6) == "2025-10-28T10:04:59Z"
    assert clean(None) == ""
    assert clean("a\x1b[2J") == "a\ufffd[2J"
