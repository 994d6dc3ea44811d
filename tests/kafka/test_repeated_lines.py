"""aiokafka's log says a thing once a minute."""

from __future__ import annotations

import logging

from pipeline.kafka.repeated_lines import RepeatFilter


def record(text: str) -> logging.LogRecord:
    """A line of a log."""
    return logging.LogRecord("aiokafka", logging.ERROR, "", 0, "%s", (text,), None)


def test_the_same_line_passes_once_a_minute() -> None:
    """Other lines pass meanwhile."""
    now = [0.0]
    repeats = RepeatFilter(lambda: now[0])
    assert [repeats.filter(record(text)) for text in ("a", "b", "a")] == [True, True, False]
    now[0] = 61
    assert repeats.filter(record("a"))


def test_it_remembers_a_thousand_lines() -> None:
    """However many different ones come."""
    repeats = RepeatFilter(lambda: 0.0)
    assert all(repeats.filter(record(str(n))) for n in range(5_000))
    assert len(repeats._logged) <= 1_000
