"""The memory of the process: from one heap, and given back to the system."""

from __future__ import annotations

import ctypes
import gc

_library = ctypes.CDLL(None)
_trim = getattr(_library, "malloc_trim", None)
_set = getattr(_library, "mallopt", None)
"""Of glibc; other C libraries have none."""
_ARENAS, _MAPPED = -8, -3
"""M_ARENA_MAX, M_MMAP_THRESHOLD. Source: https://man7.org/linux/man-pages/man3/mallopt.3.html."""
_LARGE = 1 << 20


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
    """Let the allocators give back what is free.

    An answer is made of many small objects, rarely. Python's lists of free tuples, which a
    collection empties, and glibc's heap would keep tens of megabytes of them for good.
    """
    gc.collect()
    if _trim:
        _trim(0)
