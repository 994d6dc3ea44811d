"""The memory of the process: from one heap, and given back to the system."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_library = ctypes.CDLL(None)
_trim = getattr(_library, "malloc_trim", None)
_set = getattr(_library, "mallopt", None)
"""Of glibc; other C libraries have none."""
_ARENAS, _MAPPED = -8, -3
"""M_ARENA_MAX, M_MMAP_THRESHOLD. Source: https://man7.org/linux/man-pages/man3/mallopt.3.html."""
_LARGE = 1 << 20
_advise = getattr(_library, "madvise", None)
_NOT_NEEDED = 4
"""MADV_DONTNEED. Source: https://man7.org/linux/man-pages/man2/madvise.2.html."""
_MAPPINGS = Path("/proc/self/smaps")
"""Of Linux. Source: https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html."""
_CODE = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+ +/.*\n(?:\w+: .*\n)*?Anonymous: +0 kB",
    re.MULTILINE,
)
"""The code of a file, from where to where, of which no page is the process's own."""
_A_MOMENT = 1.0
"""Seconds without work after which the heap is trimmed."""


def one_heap() -> None:
    """Let all threads share one heap, of small blocks; to be called before there is a second.

    Each answer is made in a thread of its own, and glibc gives threads heaps of their own: what one
    leaves free, no other takes. Where there are several heaps already, it goes on to use them all.
    A block of a MiB or more is given back as soon as it is free. By itself glibc raises that bound
    to the largest block that was ever freed, and the columns of batches leave gaps in the heap.
    """
    if _set:
        _set(_ARENAS, 1)
        _set(_MAPPED, _LARGE)


def give_back() -> None:
    """Let go of what only an answer, or the start, needed.

    An answer is made of many small objects, rarely. Python's lists of free tuples, which a
    collection empties, and glibc's heap would keep tens of megabytes of them for good.
    """
    gc.collect()
    trim()


def trim() -> None:
    """Let glibc give back what is free in its heap, also between blocks: milliseconds.

    Python's cache of attributes keeps up to 4,096 names, wherever these were made: a few bytes in
    each of its arenas, which cannot be given back as long as anything is in them.
    """
    sys._clear_type_cache()  # noqa: SLF001 - it is documented
    if _trim:
        _trim(0)
    if _advise:
        with suppress(OSError):  # there is no /proc, or a program with capabilities may not read it
            _unmap_code(_advise)


def _unmap_code(advise: Callable[..., int]) -> None:
    """Let go of the code of libraries: tens of megabytes that the start or an answer alone ran.

    It stays in the page cache of the system, and what is run again is mapped again: a microsecond
    for 16 pages. Pages of the process's own have breakpoints or uprobes in them, and are kept.
    """
    for found in _CODE.finditer(_MAPPINGS.read_bytes()):
        start, end = (int(number, 16) for number in found.groups())
        advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _NOT_NEEDED)


class Rest:
    """Trims the heap when work is over, once for all that was done.

    A batch ends in gaps between blocks that stay. The next one would use them, but may be long in
    coming.
    """

    def __init__(
        self, trim: Callable[[], None] = trim, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._trim, self._clock = trim, clock
        self._worked: float | None = None

    def work(self) -> None:
        """Something was done."""
        self._worked = self._clock()

    def wait(self) -> None:
        """There is nothing to do; to be called several times a second."""
        if self._worked is not None and self._clock() - self._worked >= _A_MOMENT:
            self._worked = None
            self._trim()
