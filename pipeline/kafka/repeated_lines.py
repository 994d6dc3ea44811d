"""aiokafka's log: a line that says the same as one just before is left out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_SILENCE = 60.0  # seconds
_MOST = 1_000
_LOGGERS = (
    "aiokafka",
    "aiokafka.client",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
)
"""Those that say again what they tried again; a filter of a logger holds for it alone."""


class RepeatFilter(logging.Filter):
    """Lets a message pass that was not logged in the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._logged: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is new."""
        now, message = self._clock(), record.getMessage()
        if now - self._logged.get(message, -_SILENCE) < _SILENCE:
            return False
        if len(self._logged) >= _MOST:
            self._logged.clear()
        self._logged[message] = now
        return True


_FILTER = RepeatFilter()


def leave_out_repeated_lines() -> None:
    """Install the filter for this process."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
