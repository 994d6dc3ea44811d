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


@given(rounds=st.lists(st.tuples(KEYS, KEYS), max_size=6), bits=st.sampled_from([1, 3, 10]))
def test_it_finds_what_a_dictionary_finds(
    rounds: list[tuple[set[int], set[int]]], bits: int
) -> None:
    """Whether it grows often, or never; forgotten keys come again."""
    before, key_index._FEWEST_BITS = key_index._FEWEST_BITS, bits
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
        key_index._FEWEST_BITS = before


def test_many_keys_in_batches() -> None:
    """Hashes, and numbers that follow each other; half of them are forgotten, and come again."""
    rng = np.random.default_rng(1)
    hashes = rng.permutation(np.unique(rng.integers(0, 2**64, 30_000, np.uint64)))
    for all_keys in (hashes, np.arange(30_000, dtype=np.uint64)):
        index = KeyIndex()
        for at in range(0, len(all_keys), 7_000):
            index.add(all_keys[at : at + 7_000], np.arange(at, min(at + 7_000, len(all_keys))))
        assert np.array_equal(index.find(all_keys), np.arange(len(all_keys)))
        index.remove(all_keys[::2])
        assert (index.find(all_keys[::2]) == -1).all()
        assert np.array_equal(index.find(all_keys[1::2]), np.arange(1, len(all_keys), 2))
        index.add(all_keys[::2], np.zeros(len(all_keys[::2]), np.int64))
        assert (index.find(all_keys[::2]) == 0).all()
        assert (index.find(~all_keys) == -1).sum() >= len(all_keys) - 1
