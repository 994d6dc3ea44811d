"""What differs between two outcomes."""

from __future__ import annotations

import pytest

from tests.peer.outcome import Outcome, differences

RAN = Outcome(samples={"m": "counter", "m[]": 1.0}, records=["a", "b", "b"])


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (RAN, []),
        (Outcome(samples={"m": "counter", "m[]": 1.0 + 1e-15}, records=["b", "a", "b"]), []),
        (Outcome(samples=RAN.samples, records=["a", "b", "c"]), [
            "record of theirs alone: b",
            "record of ours alone: c",
        ]),
        (Outcome(samples={"m": "gauge", "n[]": 2.0}, records=RAN.records), [
            "sample m: theirs counter, ours gauge",
            "sample m[]: theirs 1.0, ours None",
            "sample n[]: theirs None, ours 2.0",
        ]),
        (Outcome(refused="no"), ["theirs: accepted", "ours: refused: no"]),
        (Outcome(died="why"), ["theirs: accepted", "ours: died: why"]),
    ],
)  # fmt: skip
def test_each_difference_is_a_line(other: Outcome, found: list[str]) -> None:
    assert differences(RAN, other) == found


def test_the_order_of_records_counts_where_there_is_one() -> None:
    other = Outcome(samples=RAN.samples, records=["b", "a", "b"])
    assert differences(RAN, other, ordered=True) == ["the records are the same in another order"]


def test_an_original_that_died_gives_no_difference() -> None:
    for ours in (RAN, Outcome(refused="no")):
        assert differences(Outcome(died="panic"), ours) == []


def test_both_may_refuse_and_nan_is_nan() -> None:
    assert differences(Outcome(refused="a"), Outcome(refused="b")) == []
    nan = Outcome(samples={"m[]": float("nan")})
    assert differences(nan, Outcome(samples={"m[]": float("nan")})) == []
    assert differences(nan, Outcome(samples={"m[]": 1.0})) != []
