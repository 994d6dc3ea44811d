"""How long to leave a server alone that did not take a batch."""

from __future__ import annotations

import random

from pipeline.push.destination import Terms


class Backoff:
    """Pauses that double, from the shortest to the longest, each up to half shorter by chance."""

    def __init__(self, terms: Terms, chance: random.Random) -> None:
        self._least, self._most = terms.min_backoff, max(terms.min_backoff, terms.max_backoff)
        self._chance = chance

    def pause(self, attempt: int, asked: float | None = None) -> float:
        """Seconds after the attempt of this number (from 0), at least those the server asks for.

        Whatever it asks for, the longest pause is not exceeded.
        """
        grown = min(self._most, self._least * 2.0 ** min(attempt, 60))
        drawn = grown * self._chance.uniform(0.5, 1.0)
        return min(max(drawn, asked or 0.0), self._most)
