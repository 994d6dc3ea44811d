"""Rules allow exactly the pairs that they are made of."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from policy.generate.factoring import products

_PAIRS = st.sets(st.tuples(st.sampled_from("abcdef"), st.integers(1, 6)))


@given(_PAIRS)
def test_the_products_are_exactly_the_pairs(pairs: set[tuple[str, int]]) -> None:
    rules = products(pairs)
    allowed = [pair for peers, ports in rules for pair in product(peers, ports)]
    assert set(allowed) == pairs
    assert len(allowed) == len(pairs), "a pair is allowed by one rule"


def test_the_grouping_with_fewer_rules_is_taken() -> None:
    """Three peers of one port each that share another one: by port there are fewer rules."""
    pairs = {(peer, 1) for peer in "abc"} | {(peer, ord(peer)) for peer in "ab"} | {("c", 2)}
    assert len(products(pairs)) == 3
    assert len(products({("a", 1), ("a", 2), ("b", 2), ("c", 1)})) == 2
