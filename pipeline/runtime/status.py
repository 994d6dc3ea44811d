"""Whether a runtime is ready, and why not."""

from __future__ import annotations


class Status:
    """Whoever finds out sets it; any thread may read it."""

    def __init__(self) -> None:
        self.not_ready = "not started"
        """Why it is not ready; "" when it is."""

    def set(self, reason: str) -> None:
        """It is not ready, for this reason; "" when it is ready."""
        self.not_ready = reason
