"""Rows by key, compared with a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import key_index
from pipeline.stage.key_index import KeyIndex

KEYS = st.sets(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=8)


def keys(of: list[int]) -> key_index.Keys:
    return np.array(of, np.uint64)


@given(rounds=st.lists(st.tuples(KEYS, KEYS), max_size=6), few=st.sampled_from([0, 3, 100]))
def test_it_finds_what_a_dictionary_finds(
    rounds: list[tuple[set[int], set[int]]], few: int
) -> None:
    """Whether new keys are sorted in at once, sometimes, or never; forgotten ones come again."""
    before, key_index._FEW = key_index._FEW, few
    index, model, row = KeyIndex(), dict[int, int](), 0
    try:
        for added, removed in rounds:
            fresh = [key for key in added if key not in model]
            index.add(keys(fresh), np.arange(row, row + len(fresh)))
            model |= dict(zip(fresh, range(row, row + len(fresh)), strict=True))
            row += len(fresh)
            gone = [key for key in removed if key in model]
            index.remove(keys(gone))
            for key in gone:
                del model[key]
            asked = sorted(added | removed | {1, 2**64 - 1})
            assert index.find(keys(asked)).tolist() == [model.get(key, -1) for key in asked]
    finally:
        key_index._FEW = before
