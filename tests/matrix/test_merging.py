"""Edges that become one."""

from __future__ import annotations

from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from matrix.attributes import filled
from matrix.counting import EDGE, KEY, counted, numbered
from matrix.edges import LISTS
from matrix.merging import added, united
from tests.support.edges import edge_facts, fact

WEB, API = "Deployment/shop/web", "Deployment/shop/api"


def edge(*services: str, **numbers: Any) -> pl.DataFrame:
    empty = [pl.lit(None, dtype=pl.List(pl.String)).alias(name) for name in LISTS]
    facts = numbered(edge_facts(fact(WEB, API, 80, **numbers)), EDGE)
    found = filled(counted(facts).drop(EDGE).with_columns(empty))
    return found.with_columns(pl.Series("services", [list(services)], dtype=pl.List(pl.String)))


ONE = edge("b", "a", flows=1, syn=1, packets=3, sampling_max=5, last_seen=150.0)
OTHER = edge("b", flows=3, reply_flows=2, evidence="well_known", last_seen=140.0, first_seen=90.0)


def test_numbers_are_added() -> None:
    """With the strongest evidence, the state that says most, all values and both times."""
    (found,) = added(pl.concat([ONE, OTHER])).rows(named=True)
    assert (found["flows"], found["reply_flows"], found["attempted"]) == (4, 2, 1)
    assert (found["evidence"], found["state"]) == ("syn", "established")
    assert (found["services"], found["sampling"]) == (["a", "b"], 5)
    assert (found["first_seen"], found["last_seen"]) == (90.0, 150.0)


def test_of_the_same_connections_the_larger_number_counts() -> None:
    (found,) = united(pl.concat([ONE, OTHER])).rows(named=True)
    assert (found["flows"], found["reply_flows"], found["services"]) == (3, 2, ["a", "b"])


def test_the_key_may_be_less() -> None:
    two = pl.concat([ONE, OTHER.with_columns(pl.lit(81, dtype=pl.Int32).alias("port"))])
    assert added(two).height == 2
    assert_frame_equal(added(two), two.with_columns(pl.col("services").list.sort()))
    assert [column for column in KEY if column not in added(two).columns] == []
