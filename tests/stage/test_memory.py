"""What a stage remembers: changes adopted, rows forgotten, saved and taken again."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from pipeline.stage import Change, Memory, memory
from pipeline.stage.memory import CHUNK, KEY, LIVE


def change(
    now: float = 0.0,
    add: dict[int, float] | None = None,
    write: dict[int, float] | None = None,
    end: list[int] | None = None,
) -> Change:
    """Keys and values to add, rows to write, rows to forget."""
    add, write = add or {}, write or {}
    fixed = pl.DataFrame({KEY: pl.Series(list(add), dtype=pl.UInt64), "A": [f"k{k}" for k in add]})
    return Change(
        now,
        np.array(list(write), np.int64),
        {"v": np.array(list(write.values()), np.float64)},
        np.array(end or [], np.int64),
        fixed,
        {"v": np.array(list(add.values()), np.float64), "t": np.array([None] * len(add), object)},
    )


def held(of: Memory) -> dict[str, float]:
    """The values of what is not forgotten, by the fixed column A."""
    saved = of.saved()
    return dict(zip(saved.fixed["A"], saved.values["v"], strict=True)) if of.alive else {}


def found(of: Memory, *keys: int) -> list[int]:
    return list(map(int, of.find(np.array(keys, np.uint64))))


def test_changes_are_adopted() -> None:
    kept = Memory({"v": "f8", "t": "O"})
    kept.adopt(change(add={7: 1.0, 8: 2.0}))
    kept.adopt(change(add={9: 3.0}, write={0: 5.0}, end=[1]))
    assert held(kept) == {"k7": 5.0, "k9": 3.0}
    assert (kept.alive, kept.size, found(kept, 7, 8, 9)) == (2, 3, [0, -1, 2])
    assert kept.rows(np.array([2, 0]))["A"].to_list() == ["k9", "k7"]


def test_a_memory_is_taken_again_as_it_was_saved() -> None:
    """While nothing runs, no time passes for it."""
    first, second = Memory({"v": "f8", "t": "O"}), Memory({"v": "f8", "t": "O"})
    first.adopt(change(now=100.0, add={7: 1.0, 8: 2.0}))
    first.adopt(change(now=130.0, end=[0]))
    second.take(first.saved())
    assert (held(second), found(second, 7, 8)) == (held(first), [-1, 0])
    assert [second.time(now) for now in (500.0, 900.0)] == [130.0, 130.0]
    second.adopt(change(now=1_000.0))
    assert second.time(1_002.5) == 132.5


def test_time_never_goes_back() -> None:
    kept = Memory({"v": "f8", "t": "O"})
    kept.adopt(change(now=50.0))
    assert kept.time(40.0) == 50.0


def test_forgotten_rows_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once most rows are forgotten, the others get new numbers, in a new edition."""
    monkeypatch.setattr(memory, "_WASTE", 2)
    kept = Memory({"v": "f8", "t": "O"})
    kept.adopt(change(add=dict.fromkeys(range(10), 1.0)))
    kept.adopt(change(now=3.0, end=list(range(1, 10))))
    assert (kept.size, kept.alive, kept.edition) == (1, 1, 1)
    assert (held(kept), found(kept, 0, 5)) == ({"k0": 1.0}, [0, -1])
    assert kept.time(4.0) == 4.0


def test_chunks_that_changed() -> None:
    """Each is told once, and is a copy that later changes do not reach."""
    kept = Memory({"v": "f8", "t": "O"})
    kept.adopt(change(add=dict.fromkeys(range(2 * CHUNK + 1), 1.0)))
    assert kept.take_touched() == [0, 1, 2]
    kept.adopt(change(write={CHUNK: 9.0}, end=[2 * CHUNK]))
    assert kept.take_touched() == [1, 2]
    assert kept.take_touched() == []
    fixed, values = kept.chunk(1)
    kept.adopt(change(write={CHUNK: 10.0}))
    assert (fixed.height, values["v"][0], values[LIVE].all()) == (CHUNK, 9.0, True)
    assert kept.chunk(2)[1][LIVE].to_list() == [False]


@pytest.mark.parametrize("texts", [["x", None], [None, None]])
def test_texts_are_kept_too(texts: list[str | None]) -> None:
    def with_texts(given: Any) -> Change:
        added = change(add={1: 0.0, 2: 0.0})
        return added._replace(added_values={**added.added_values, "t": np.array(given, object)})

    first, second = Memory({"v": "f8", "t": "O"}), Memory({"v": "f8", "t": "O"})
    first.adopt(with_texts(texts))
    second.take(first.saved())
    assert second.values("t").tolist() == texts
