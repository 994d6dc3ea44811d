"""Days as bits: the last nine weeks of a series, whatever order and parts its rows come in."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import FIRST_SEEN, LAST_SEEN, Family, Rule
from pipeline.stage.days import SECONDS, SPAN, bits, dates, day
from pipeline.state.series_rows import LAST_COUNTED, merged

FAMILY = Family("f", None, ("name",), facts=(("days", Rule.DAYS),))
TODAY = 20_000
SEEN = st.lists(st.tuples(st.sampled_from("ab"), st.integers(TODAY, TODAY + 200)), min_size=1)


def rows(seen: list[tuple[str, int]]) -> pl.DataFrame:
    """A row for each name and day on which it was seen."""
    frame = pl.DataFrame(seen, {"name": pl.String(), "day": pl.Int32()}, orient="row")
    time = (pl.col("day").cast(pl.Float64) + 0.5) * SECONDS
    times = [time.alias(name) for name in (FIRST_SEEN, LAST_SEEN, LAST_COUNTED)]
    return frame.select("name", bits(pl.col("day")).alias("days"), *times)


def shown(found: pl.DataFrame) -> dict[str, list[str]]:
    pairs = found.select("name", bits="days", last=day(pl.col(LAST_SEEN)))
    named = pairs.join(dates(pairs.drop("name")), on=["bits", "last"])
    return dict(named.select("name", "dates").iter_rows())


@given(SEEN, st.integers(0, 9))
def test_the_last_nine_weeks_of_each_series_are_known(seen: list[tuple[str, int]], at: int) -> None:
    """In whatever order they came, merged at once or in parts; another series changes nothing."""
    wanted = {
        name: [
            str(date(1970, 1, 1) + timedelta(number))
            for number in sorted({number for own, number in seen if own == name})
            if number > max(n for own, n in seen if own == name) - SPAN
        ]
        for name in {own for own, _ in seen}
    }
    parts = [merged(FAMILY, rows(part), ["name"]) for part in (seen[:at], seen[at:]) if part]
    assert shown(merged(FAMILY, pl.concat(parts), ["name"])) == wanted
    assert shown(merged(FAMILY, pl.concat(parts[::-1]), ["name"])) == wanted
    assert shown(merged(FAMILY, rows(seen[::-1]), ["name"])) == wanted


def test_a_family_without_labels_is_one_series() -> None:
    family = Family("f", None, (), facts=FAMILY.facts)
    both = rows([("a", TODAY), ("a", TODAY + SPAN)]).drop("name")
    assert merged(family, both, []).select(pl.col("days")).item() == both["days"][1]


@pytest.mark.parametrize("number", [0, SPAN - 1, SPAN, TODAY])
def test_every_bit_is_of_a_number_that_is_not_negative(number: int) -> None:
    assert rows([("a", number)])["days"].item() == 2 ** (number % SPAN)


def test_no_time_no_day() -> None:
    """Also where nothing is known at all."""
    nothing = pl.DataFrame({"day": [None]}, {"day": pl.Int32()})
    assert nothing.select(bits(pl.col("day"))).item() is None
    empty = pl.DataFrame(schema={"bits": pl.Int64(), "last": pl.Int32()})
    assert dates(empty).schema["dates"] == pl.List(pl.String)
