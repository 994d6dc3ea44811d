"""Times as documents have them."""

from __future__ import annotations

from typing import Any

from matrix.cells import time_text


def stamp(seconds: float | None) -> Any:
    """A time (epoch seconds) in RFC 3339; the field it goes into says what it is: a datetime.

    >>> stamp(1_761_645_600.0), stamp(None)
    ('2025-10-28T10:00:00Z', None)
    """
    return None if seconds is None else time_text(seconds)
