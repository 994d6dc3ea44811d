"""Bounds on memory and time that take effect: the log says each once, and /readyz lists them.

A bound belongs here when it changes what is known, kept, or how fast it goes on. Those whose effect
is counted and explained elsewhere do not: rejected messages, label sets in `__overflow__`.
"""

from __future__ import annotations

import logging
import threading

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_reached: dict[str, str] = {}


def reached(limit: str, effect: str) -> None:
    """A limit has this effect from now on; only the first call of a process says so."""
    with _lock:
        if limit in _reached:
            return
        _reached[limit] = f"{limit}: {effect}"
    _log.warning("%s: %s", limit, effect)


def in_effect() -> list[str]:
    """Every limit that was reached in this process, and what that means."""
    with _lock:
        return list(_reached.values())
