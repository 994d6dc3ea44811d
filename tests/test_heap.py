"""Memory is given back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import heap
from pipeline.heap import Rest

_HELD = """
from pathlib import Path

def held(kind="RssAnon"):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) >> 10
"""


_MEASURED = """
from pipeline.heap import give_back

give_back()
before = held()
# Every 100th text stays, so that the heap cannot shrink from its end.
texts = [bytes(3_000) for _ in range(20_000)]
pinned = texts[::100]
del texts
kept = held() - before
give_back()
print(kept, held() - before)
"""


_NAMES = """
import gc
from pipeline.heap import give_back

give_back()
before = held()
pairs = []
for number in range(300_000):
    pairs.append((str(number), number + 0.5))
    if number % 1_000 == 0:
        hasattr("", f"no {number}")
del pairs
gc.collect()
kept = held() - before
give_back()
print(kept, held() - before)
"""


_CODE = """
import polars as pl
from pipeline.heap import trim

def sums():
    numbers = pl.DataFrame({"a": range(1_000)})
    return numbers.group_by(odd=pl.col("a") % 2).sum()["a"].sort().to_list()

sums()
before = held("RssFile")
trim()
print(before, held("RssFile"), *sums())
"""


_BREAKPOINT = """
import ctypes
import mmap
import sys
from pipeline.heap import trim

with open(sys.argv[1], "rb") as file:
    code = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
code[0] = 0xCC
start = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(code)))
library = ctypes.CDLL(None)
assert library.mprotect(start, len(code), mmap.PROT_READ | mmap.PROT_EXEC) == 0
trim()
print(ctypes.string_at(start, 1)[0], sum(ctypes.string_at(start, len(code))))
"""


_THREADS = """
import sys
from pathlib import Path
from threading import Barrier, Thread
from pipeline.heap import one_heap

if sys.argv[1] == "one":
    one_heap()
all_there = Barrier(9)

def work():
    texts = [bytes(3_000) for _ in range(1_000)]
    all_there.wait()
    all_there.wait()

threads = [Thread(target=work) for _ in range(8)]
for one in threads:
    one.start()
all_there.wait()
print(Path("/proc/self/maps").read_text().count("---p"))
all_there.wait()
"""


_LARGE = """
import sys
from pipeline.heap import one_heap

if sys.argv[1] == "settled":
    one_heap()
b"x" * (20 << 20)
before = held()
blocks = [b"x" * (2 << 20) for _ in range(20)]
del blocks[:-1]
print(held() - before)
"""


def printed(program: str, *arguments: str) -> str:
    """What a program prints in a process of its own."""
    command = [sys.executable, "-c", _HELD + program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_large_blocks_leave_no_gaps() -> None:
    """Nothing is asked to give them back, and the one behind them stays."""
    left = {kind: int(printed(_LARGE, kind)) for kind in ("settled", "as it is")}
    assert left["as it is"] > 20, "MB that glibc keeps by itself: else there is nothing to settle"
    assert left["settled"] < 8


def test_threads_share_one_heap() -> None:
    """Each heap of glibc's has a reserve that nobody may touch."""
    heaps = {kind: int(printed(_THREADS, kind)) for kind in ("one", "each")}
    assert heaps["each"] >= heaps["one"] + 4


def test_what_small_objects_took_is_given_back() -> None:
    kept, left = map(int, printed(_MEASURED).split())
    assert kept > 20, "MB that glibc keeps by itself: else there is nothing to give back"
    assert left < kept / 2


def test_names_of_attributes_keep_no_arenas() -> None:
    """Python's cache of attributes holds names that were made among objects that are gone."""
    kept, left = map(int, printed(_NAMES).split())
    assert kept > 20, "MB that Python keeps by itself: else there is nothing to give back"
    assert left < kept / 4


def test_code_that_nobody_runs_is_not_held() -> None:
    """What is run again is there again."""
    before, after, even, odd = map(int, printed(_CODE).split())
    assert after < before - 10
    assert (even, odd) == (249_500, 250_000)


def test_code_that_was_changed_is_kept(tmp_path: Path) -> None:
    """Breakpoints of debuggers, and uprobes."""
    file = tmp_path / "code"
    file.write_bytes(bytes(8_192))
    assert printed(_BREAKPOINT, str(file)).split() == ["204", "204"]


def test_mappings_that_cannot_be_read_are_left_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        monkeypatch.setattr(heap, "_MAPPINGS", path)
        heap.trim()


def test_the_heap_is_trimmed_once_a_second_after_work() -> None:
    now, trimmed = [0.0], list[float]()
    rest = Rest(lambda: trimmed.append(now[0]), lambda: now[0])

    def wait_until(end: float) -> None:
        while now[0] < end:
            now[0] += 0.25
            rest.wait()

    wait_until(2.0)
    assert trimmed == []  # nothing was done
    rest.work()
    wait_until(2.5)
    rest.work()
    wait_until(10.0)
    assert trimmed == [3.5]
