"""Dead letters to a file, one JSON object a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from pipeline.plan.outcome import Reject


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

    def write(self, letters: Sequence[Reject]) -> None:
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


def _line(letter: Reject) -> bytes:
    row: dict[str, object] = {"stage": letter.stage, "reason": letter.reason}
    try:
        row["payload"] = letter.payload.decode()
    except UnicodeDecodeError:
        row["payload_b64"] = bytes(letter.payload)
    return msgspec.json.encode(row) + b"\n"
