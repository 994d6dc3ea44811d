"""Draws by number, name and seed."""

from __future__ import annotations

import hashlib
from collections import Counter

import polars as pl

from simulate.dice import Dice


def test_a_draw_depends_on_the_row_number_alone() -> None:
    whole = Dice(pl.int_range(1000, eager=True), 7).roll("port")
    later = Dice(pl.int_range(400, 1000, eager=True), 7).roll("port")
    assert whole[400:].to_list() == later.to_list()


def test_names_and_seeds_give_other_draws() -> None:
    rows = pl.int_range(1000, eager=True)
    one = Dice(rows, 7).roll("port")
    assert (one == Dice(rows, 7).roll("node")).sum() == 0
    assert (one == Dice(rows, 8).roll("port")).sum() == 0


def test_the_finaliser_is_that_of_splitmix() -> None:
    """The same arithmetic in whole numbers."""
    mask = 2**64 - 1
    zero, one = Dice(pl.Series([0, 1]), 0).roll("x")

    def finished(z: int) -> int:
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        return z ^ z >> 31

    offset = int.from_bytes(hashlib.blake2b(b"0/x", digest_size=8).digest(), "big")
    assert zero == finished(offset)
    assert one == finished(offset + 0x9E3779B97F4A7C15 & mask)


def test_draws_are_spread_evenly_within_bounds() -> None:
    dice = Dice(pl.int_range(100_000, eager=True), 1)
    drawn = Counter(dice.below("a", 10).to_list())
    assert sorted(drawn) == list(range(10))
    assert min(drawn.values()) > 9_500
    share = dice.share("b").to_list()
    assert 0 <= min(share) < 0.001
    assert 0.999 < max(share) < 1
    bounds = pl.Series([1, 3]).gather(dice.below("which", 2))
    assert (dice.within("c", bounds) < bounds).all()
    assert set(dice.one_of("d", (5, 9, 9)).unique()) == {5, 9}
