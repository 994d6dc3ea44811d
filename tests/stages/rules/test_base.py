"""What every rule has, and the draws of those that sample."""

from __future__ import annotations

import polars as pl
import pytest

from stages.rules.base import Rule, sampled


@pytest.mark.parametrize(
    ("interval", "kept"),
    [
        (0, [True, True, True, True]),
        (1, [True, True, True, True]),
        (2, [True, True, False, False]),
        (4, [True, False, False, False]),
    ],
)
def test_one_draw_in_an_interval_is_kept(interval: int, kept: list[bool]) -> None:
    """Draws are in [0, 1): below 1/interval a flow is kept."""
    draws = pl.DataFrame({"draw": [0.0, 0.25, 0.5, 1 - 2**-32]})
    found = draws.with_columns(kept=sampled(pl.col("draw"), interval))["kept"]
    assert found.to_list() == kept


def test_a_rule_reads_nothing_and_draws_nothing_unless_it_says_so() -> None:
    rule = Rule()
    assert (rule.draws, rule.reads(), list(rule.check())) == (False, frozenset(), [])
    with pytest.raises(NotImplementedError):
        rule.build(pl.lit(0.0))
