"""Dead letters to a file, one JSON object a line, and the limit that stops a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from pipeline.plan.plan import DeadLetter


class TooManyDeadLettersError(Exception):
    """A limit of `dead_letters` was passed; the message says which."""


class DeadLetterFile:
    """Where dead letters go; without a path they are only counted.

    `keep`: the bytes of an earlier run's file that its state includes; the rest is cut off, since
    that run's flows will be read again. 0 starts the file anew.
    """

    def __init__(self, path: Path | None, keep: int = 0) -> None:
        self._file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("r+b" if keep and path.exists() else "w+b")
            self._file.truncate(keep)
            self._file.seek(0, 2)

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Append and hand over to the operating system."""
        if self._file is None or not letters:
            return
        self._file.write(b"".join(_line(letter) for letter in letters))
        self._file.flush()

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.tell() if self._file else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()


class DlqLimit:
    """Stops a run whose input is mostly bad, before it drains a topic into the dead letters."""

    def __init__(self, max_ratio: float = 0.0, max_consecutive: int = 0) -> None:
        self._max_ratio = max_ratio
        self._max_consecutive = max_consecutive
        self._messages = self._rejected = self._consecutive = 0

    def check(self, messages: int, rejected: Sequence[int]) -> None:
        """Account for a batch; `rejected` are the positions of its bad messages, ascending.

        Raises TooManyDeadLettersError. The ratio is looked at from 100 messages on.
        """
        previous = -1
        for index in rejected:
            self._consecutive = self._consecutive + 1 if index == previous + 1 else 1
            previous = index
            if self._max_consecutive and self._consecutive >= self._max_consecutive:
                raise TooManyDeadLettersError(
                    f"{self._consecutive} messages in a row were rejected "
                    f"(dead_letters.max_consecutive is {self._max_consecutive})"
                )
        if previous != messages - 1:
            self._consecutive = 0
        self._messages += messages
        self._rejected += len(rejected)
        ratio = self._rejected / self._messages if self._messages else 0.0
        if self._max_ratio and self._messages >= 100 and ratio > self._max_ratio:
            raise TooManyDeadLettersError(
                f"{self._rejected} of {self._messages} messages were rejected "
                f"(dead_letters.max_ratio is {self._max_ratio:g})"
            )


def _line(letter: DeadLetter) -> bytes:
    row: dict[str, object] = {"stage": letter.stage, "reason": letter.reason}
    try:
        row["payload"] = letter.payload.decode()
    except UnicodeDecodeError:
        row["payload_b64"] = bytes(letter.payload)
    return msgspec.json.encode(row) + b"\n"
