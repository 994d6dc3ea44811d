"""What did not arrive, told to people: not each batch, but how many flows in a minute."""

from __future__ import annotations

import logging

_SILENCE = 60.0  # seconds
_log = logging.getLogger(__name__)


class Losses:
    """The flows of one stage that are lost, and why. For one thread at a time."""

    def __init__(self, stage: str, address: str) -> None:
        self._what = f'stage "{stage}": {address}'
        self._untold = 0
        self._told = -_SILENCE
        self._last = -_SILENCE
        self._reason = ""
        self._trouble = ""

    def add(self, flows: int, reason: str, now: float) -> None:
        """So many flows are lost; the log says it at once, then once a minute."""
        self._untold += flows
        self._reason, self._last = reason, now
        if now - self._told >= _SILENCE:
            self.tell(now)

    def tell(self, now: float) -> None:
        """Say what was not said yet."""
        if self._untold:
            _log.error("%s: %d flows are lost: %s", self._what, self._untold, self._reason)
            self._untold, self._told = 0, now

    def unavailable(self, reason: str) -> None:
        """The server does not take flows; the log says it once, until it does again."""
        if not self._trouble:
            _log.warning("%s: %s; trying again", self._what, reason)
        self._trouble = reason

    def arrived(self) -> None:
        """The server has taken a batch."""
        if self._trouble:
            _log.info("%s takes flows again", self._what)
        self._trouble = ""

    def problem(self, now: float) -> str:
        """What is wrong now or was in the last minute; "" when nothing is."""
        if self._trouble:
            return f"{self._what}: {self._trouble}"
        lately = now - self._last < _SILENCE
        return f"{self._what}: flows are lost: {self._reason}" if lately else ""
