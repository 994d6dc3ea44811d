"""Conditions of the query language as trees (docs/reference/transforms.md#query-language)."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.predicate.condition import All, Compares, Equal, Matches, Not, Present, Query
from pipeline.predicate.condition import Any as Some
from pipeline.testing import Flow, frame

FLOWS: list[Flow] = [
    {"id": "number", "A": 443},
    {"id": "fraction", "A": 443.9},
    {"id": "negative", "A": -443.9},
    {"id": "text", "A": "443", "B": "4"},
    {"id": "words", "A": "shop", "B": "shop"},
    {"id": "list", "A": ["443"], "B": "[443]"},
    {"id": "flag", "A": True, "B": "true"},
    {"id": "null", "A": None, "B": ""},
    {"id": "empty", "A": "", "C": 1},
    {"id": "none"},
]


def met(query: Query) -> str:
    """The ids of the flows that meet a condition; it is never null."""
    flows = frame(FLOWS)
    holds = flows.select(query.expr(flows.schema)).to_series()
    assert (holds.dtype, holds.null_count()) == (pl.Boolean(), 0)
    return " ".join(flows.filter(holds)["id"].to_list())


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (Present("A"), "number fraction negative text words list flag null empty"),
        (Equal("A", "443"), "text"),
        (Equal("A", ""), "empty"),
        (Equal("A", "$(B)"), "words list flag empty"),
        (Equal("A", "$(B)43"), "text"),
        (Equal("B", "$(none)"), "null"),
        (Matches("A", "44"), "number fraction negative text list"),
        (Matches("A", "^sh"), "words"),
        (Matches("A", "^$"), "empty"),
        (Compares("A", "=", 443), "number fraction text"),
        (Compares("A", "!=", 443), "negative"),
        (Compares("A", "<", 443), "negative"),
        (Compares("A", "<=", 443), "number fraction negative text"),
        (Compares("A", ">", 442), "number fraction text"),
        (Compares("A", ">=", 444), ""),
    ],
)
def test_values_of_every_kind(query: Query, ids: str) -> None:
    """A number compares by its whole part, also one in a text; a text equals no number."""
    assert met(query) == ids


@pytest.mark.parametrize("query", [Present("A"), Equal("A", "443"), Matches("A", "4")])
def test_not_is_true_where_the_field_is_absent(query: Query) -> None:
    ids = [flow["id"] for flow in FLOWS]
    assert met(Not(query)).split() == [one for one in ids if one not in met(query).split()]
    assert met(Not(query)).endswith("none")


def test_all_and_any_of_conditions() -> None:
    number, text, c = Compares("A", "=", 443), Matches("A", "443$"), Present("C")
    assert met(All((number, text))) == "number text"
    assert met(Some((number, c))) == "number fraction text empty"
    assert met(All((Some((number, c)), Not(text)))) == "fraction empty"


def test_a_field_that_no_flow_has() -> None:
    for query in (Present("X"), Equal("X", ""), Matches("X", ""), Compares("X", "!=", 7)):
        assert met(query) == ""


def test_the_fields_that_are_read() -> None:
    query = All((Some((Present("A"), Not(Matches("B", "x")))), Equal("C", "$(D)-$(E)")))
    assert query.fields == {"A", "B", "C", "D", "E"}
    assert Compares("F", "<", 1).fields == {"F"}


def test_conditions_of_equal_content_are_equal() -> None:
    """So two stages with one condition can be told to be the same."""
    assert All((Present("A"), Equal("B", "x"))) == All((Present("A"), Equal("B", "x")))
    assert All((Present("A"),)) != Some((Present("A"),))
