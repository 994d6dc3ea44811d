"""Pauses between attempts."""

from __future__ import annotations

import random

from pipeline.push.backoff import Backoff
from pipeline.push.destination import Terms


def test_pauses_double_up_to_the_longest() -> None:
    """Each is up to half shorter."""
    backoff = Backoff(Terms(min_backoff=1, max_backoff=10), random.Random(1))
    for attempt, most in enumerate((1, 2, 4, 8, 10, 10)):
        drawn = [backoff.pause(attempt) for _ in range(100)]
        assert most / 2 <= min(drawn) < max(drawn) <= most
    assert backoff.pause(10_000) <= 10


def test_what_the_server_asks_for() -> None:
    """At least that, and never more than the longest pause."""
    backoff = Backoff(Terms(min_backoff=1, max_backoff=10), random.Random(1))
    assert (backoff.pause(0, 7.0), backoff.pause(0, 3600.0)) == (7.0, 10.0)


def test_pauses_of_one_length() -> None:
    """The defaults of the original: 1 s and 1 s; a longest one below the shortest is that."""
    backoff = Backoff(Terms(min_backoff=4, max_backoff=1), random.Random(1))
    assert all(2 <= backoff.pause(attempt) <= 4 for attempt in range(50))
