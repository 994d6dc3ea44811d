"""Times as texts."""

from __future__ import annotations

from page.times import stamp


def test_times() -> None:
    assert stamp(1_761_645_600.9) == "2025-10-28T10:00:00Z"
    assert stamp(None) is None
    assert stamp(1e30) == "1e+30"
