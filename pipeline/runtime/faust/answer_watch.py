"""Answers that do not come: a broker behind a proxy may be gone while its connections stay open."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

Awaited = Mapping[Hashable, str]
"""What is waited for: what stays the same until there is progress, and how to say it."""

_LATE = 7
_SEEMS = 2


class AnswerWatch:
    """Counts in how many looks, one a second, the same answer was waited for.

    Looks, not seconds: a process that was stopped for a while has not waited.
    """

    def __init__(self) -> None:
        self._looks: dict[Hashable, int] = {}

    def look(self, awaited: Awaited) -> str:
        """One look; what does not come, "" where all of it does."""
        self._looks = {one: self._looks.get(one, 0) + 1 for one in awaited}
        late = [awaited[one] for one, looks in self._looks.items() if looks > _LATE]
        return late[0] if late else ""

    @property
    def waits(self) -> bool:
        """Whether an answer takes long enough that another question would only wait behind it."""
        return any(looks > _SEEMS for looks in self._looks.values())
