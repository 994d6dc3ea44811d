"""The limits on rejected messages that stop a run."""

from __future__ import annotations

from collections.abc import Sequence

_RATIO_FROM = 100  # messages


class TooManyDeadLettersError(Exception):
    """A limit of `dead_letters` was passed; the message says which."""


class DlqLimit:
    """Stops a run whose input is mostly bad, before it drains a topic into the dead letters.

    It is about one sequence of messages: a partition, or a local source. 0 means no limit.
    """

    def __init__(self, max_ratio: float = 0.0, max_consecutive: int = 0, where: str = "") -> None:
        self._max_ratio = max_ratio
        self._max_consecutive = max_consecutive
        self._where = f"{where}: " if where else ""
        self._messages = self._rejected = self._consecutive = 0

    def check(self, messages: int, rejected: Sequence[int]) -> None:
        """Account for a batch; `rejected` are the indexes of its rejected messages, ascending.

        Raises TooManyDeadLettersError. The ratio is looked at from 100 messages on.
        """
        previous = -1
        for index in rejected:
            self._consecutive = self._consecutive + 1 if index == previous + 1 else 1
            previous = index
            if self._max_consecutive and self._consecutive >= self._max_consecutive:
                raise TooManyDeadLettersError(
                    f"{self._where}{self._consecutive} messages in a row were rejected "
                    f"(dead_letters.max_consecutive is {self._max_consecutive})"
                )
        if previous != messages - 1:
            self._consecutive = 0
        self._messages += messages
        self._rejected += len(rejected)
        ratio = self._rejected / self._messages if self._messages else 0.0
        if self._max_ratio and self._messages >= _RATIO_FROM and ratio > self._max_ratio:
            raise TooManyDeadLettersError(
                f"{self._where}{self._rejected} of {self._messages} messages were rejected "
                f"(dead_letters.max_ratio is {self._max_ratio:g})"
            )
