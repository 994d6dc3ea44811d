"""Something that is done again and again, in a thread of its own, whatever fails in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Periodic:
    """Calls `work` at once and then every `seconds`, until it is closed.

    An error that `work` raises is logged, once while it stays the same, and the next call comes all
    the same: nobody would notice that a thread has ended.
    """

    def __init__(self, name: str, work: Callable[[], object], seconds: float) -> None:
        self._name, self._work, self._seconds = name, work, seconds
        self._wake = threading.Event()
        self._failed = ""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.closed = False
        """Whether it was told to end: a long piece of work looks at it."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Call `work` now. A signal handler may do so."""
        self._wake.set()

    def close(self, wait: float | None = None) -> None:
        """End, and wait for a call under way, for so many seconds at most."""
        self.closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(wait)

    def _run(self) -> None:
        while not self.closed:
            self._wake.clear()
            self._call()
            if not self.closed:
                self._wake.wait(self._seconds)

    def _call(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
            if repr(error) != self._failed:
                _log.warning("%s has failed, and is tried again", self._name, exc_info=error)
            self._failed = repr(error)
        else:
            self._failed = ""
