"""Bytes of a file, a pipe or a terminal as they arrive, until the source is to stop."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.files import naming
from pipeline.stage.context import SourceContext

_BLOCK = 1 << 20
_GLANCE = 0.2  # seconds between two looks at whether to stop


def arriving(
    descriptor: int,
    linger: float,
    context: SourceContext,
    name: Path = Path("standard input"),
) -> Iterator[bytes]:
    """Blocks as they arrive; an empty one when the oldest unannounced is `linger` seconds old.

    Ends with the input, or soon after `context.stopping` is set. Raises OSError, which has `name`.
    """
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    due: float | None = None
    while not context.stopping.is_set():
        wait = _GLANCE if due is None else min(_GLANCE, max(0.0, due - time.monotonic()))
        if poller.poll(1000 * wait):
            with naming(name):
                block = os.read(descriptor, _BLOCK)
            if not block:
                return
            yield block
            due = due or time.monotonic() + linger
        else:
            context.waiting()
        if due is not None and time.monotonic() >= due:
            yield b""
            due = None
