"""Times as people give them."""

from __future__ import annotations

import time

import pytest
import typer

from pipeline.cli.moments import moment, period

NOW = 1_000_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 604_800), ("1h30m", 5_400), ("2w", 1_209_600), ("90s", 90), ("1.5h", 5_400)],
)
def test_so_long_ago(text: str, seconds: float) -> None:
    assert moment(text, NOW) == NOW - seconds


def test_dates() -> None:
    assert moment("2026-05-01T12:00:00Z", NOW) == 1_777_636_800
    assert moment("2026-05-01T14:00:00+02:00", NOW) == 1_777_636_800
    assert moment("2026-05-01", NOW) <= moment("2026-05-01T23:59", NOW)


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "7x", "yesterday", "-7d", "7d2"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a time: 7d, 1h30m, or 2026-05-01T12"):
        moment(text, NOW)


def test_a_period_may_be_open_at_both_ends() -> None:
    assert period(None, None, NOW) == (None, None)
    assert period("2h", "1h", NOW) == (NOW - 7200, NOW - 3600)


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [
        ("1h", "2h", '--until "2h" is not after --since "1h"'),
        ("1h", "1h", "is not after"),
        ("", None, '"" is not a time'),
        (None, "", '"" is not a time'),
    ],
)
def test_a_period_that_has_no_time_in_it_is_refused(
    since: str | None, until: str | None, why: str
) -> None:
    """An empty text is a variable of a shell that was not set, and not all of the time."""
    with pytest.raises(typer.BadParameter, match=why):
        period(since, until, NOW)


@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-01T00:00:00"])
def test_a_date_that_the_zone_has_not(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        with pytest.raises(typer.BadParameter, match="is not a time"):
            moment(text, NOW)
    monkeypatch.undo()
    time.tzset()
