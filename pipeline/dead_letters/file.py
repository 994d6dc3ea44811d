"""Dead letters to a file, one JSON object a line."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from pipeline.files import naming, private
from pipeline.plan.outcome import Reject

_log = logging.getLogger(__name__)


class DeadLetterFile:
    """Where dead letters go; without a path they are only counted.

    `keep`: the bytes of an earlier run's file that its state includes; the rest is cut off, since
    that run's flows will be read again. 0 starts the file anew. `max_bytes`: a batch that makes it
    larger is the last one that it takes; 0 means no limit.
    """

    def __init__(self, path: Path | None, keep: int = 0, max_bytes: int = 0) -> None:
        self._file = None
        self._path = path or Path()
        self._max_bytes = max_bytes
        self._full = False
        self._written = False
        self.size = 0
        """Bytes written so far."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_file = path.is_file() or not path.exists()
            mode = "r+b" if keep and path.exists() and is_file else "wb"
            self._file = open(path, mode, opener=private)  # noqa: SIM115 - a Path has no opener
            if is_file:  # a pipe and a device have no length
                self._file.truncate(keep)
                self.size = self._file.seek(0, 2)

    def write(self, letters: Sequence[Reject]) -> None:
        """Append and hand over to the operating system, unless the file is full."""
        if self._file is None or not letters or self._is_full():
            return
        lines = b"".join(map(_line, letters))
        with naming(self._path):
            self._file.write(lines)
            self._file.flush()
        self.size += len(lines)
        self._written = True

    def sync(self) -> None:
        """Make what was written durable, as the state is that includes it. Raises OSError."""
        if self._file and self._written and self._path.is_file():
            with naming(self._path):
                os.fsync(self._file.fileno())
            self._written = False

    def _is_full(self) -> bool:
        """Whether the file has reached its limit; said once."""
        if not self._full and self._max_bytes and self.size >= self._max_bytes:
            self._full = True
            _log.error(
                "%s has %d bytes, the limit is %d (dead_letters.max_bytes): what is rejected from "
                "here on is only counted",
                self._path,
                self.size,
                self._max_bytes,
            )
        return self._full

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._file:
            with naming(self._path):
                self._file.close()


def _line(letter: Reject) -> bytes:
    row: dict[str, object] = {"stage": letter.stage, "reason": letter.reason}
    try:
        row["payload"] = letter.payload.decode()
    except UnicodeDecodeError:
        row["payload_b64"] = bytes(letter.payload)
    return msgspec.json.encode(row) + b"\n"
