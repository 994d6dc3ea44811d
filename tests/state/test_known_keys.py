"""Labels are looked up once for each key, and again after that has been forgotten."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage.keys import CHECK, KEY, Keyed
from pipeline.state import known_keys
from pipeline.state.known_keys import Answers, KnownKeys
from pipeline.state.label_sets import LabelInterner

Row = tuple[int, int] | tuple[int, int, str]


class Table:
    """Looks labels up, and notes which. A label is key, check and address; of 9... it is *."""

    def __init__(self) -> None:
        self.sets = LabelInterner(("a",))
        self.asked: list[str] = []
        self.known = KnownKeys(self._look_up, self._strange)

    def _look_up(self, labels: pl.DataFrame) -> Answers:
        self.asked += labels["a"].to_list()
        gone = labels["a"].str.contains(r"\.9")
        whole = labels.with_columns(pl.when(gone).then(pl.lit("*")).otherwise("a").alias("a"))
        return Answers(self.sets.ids(whole).to_numpy(), gone.to_numpy(), gone.to_numpy())

    @staticmethod
    def _strange(addresses: pl.DataFrame) -> pl.Series:
        return addresses.to_series().str.starts_with("9")

    def names(self, rows: Sequence[Row]) -> tuple[list[str], int]:
        """The labels of the ids of rows, and how many of these are beyond a limit."""
        schema = {KEY: pl.UInt64, CHECK: pl.UInt64, "address": pl.String}
        whole = pl.DataFrame([(*row, "")[:3] for row in rows], schema=schema, orient="row")
        label = pl.format("{}.{}.{}", KEY, CHECK, "address").str.strip_chars_end(".").alias("a")
        whole = whole.with_columns(label)

        def outside(told: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
            one = pl.repeat(1, told.height, dtype=pl.UInt64, eager=True)
            return pl.DataFrame({KEY: one, CHECK: one}), told.select("address")

        keys = whole.select(KEY, CHECK)
        keyed = Keyed(keys, whole.__getitem__, lambda told: told.select("a"), outside)
        ids, beyond = self.known.find(keys)
        new = ids.is_null().arg_true()
        learnt, more = self.known.learn(keyed.of(new))
        return self.sets.frame(ids.scatter(new, learnt))["a"].to_list(), beyond + more


def test_labels_are_made_once() -> None:
    table = Table()
    assert table.names([(7, 1), (5, 2), (7, 1)]) == (["7.1", "5.2", "7.1"], 0)
    assert table.names([(5, 2), (6, 3), (6, 3)]) == (["5.2", "6.3", "6.3"], 0)
    assert table.names([]) == ([], 0)
    assert table.asked == ["7.1", "5.2", "6.3"], "in the order of the rows"
    table.known.forget()
    assert table.names([(6, 3)]) == (["6.3"], 0)
    assert table.asked[3:] == ["6.3"]


def test_where_no_address_is_kept_labels_are_not_made() -> None:
    """An address that is not strange is looked up all the same."""
    table = Table()
    assert table.names([(1, 0, "91"), (2, 0, "92")]) == (["*", "*"], 2)
    assert table.names([(3, 0, "93"), (4, 0, "8"), (5, 0, "95")]) == (["*", "4.0.8", "*"], 2)
    assert table.asked == ["1.0.91", "2.0.92", "4.0.8"]


def test_more_keys_than_the_limit_are_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_keys, "LIMIT", 2)
    table = Table()
    for number in range(4):
        table.names([(number, 1)])
    assert table.names([(0, 1), (3, 1)]) == (["0.1", "3.1"], 0)
    assert table.asked == ["0.1", "1.1", "2.1", "3.1", "0.1"]


ROWS = st.tuples(st.integers(0, 4) | st.integers(0, 2**64 - 1), st.integers(0, 2))


@given(st.lists(st.lists(ROWS, max_size=8), max_size=6))
def test_keys_that_differ_in_the_check_alone_are_told_apart(batches: list[list[Row]]) -> None:
    table = Table()
    for rows in batches:
        assert table.names(rows) == ([f"{row[0]}.{row[1]}" for row in rows], 0)
