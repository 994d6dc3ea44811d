"""Values of a condition that may be of any kind."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.predicate.operand import Operand, equal, of_field, of_value, printed
from pipeline.testing import Flow, frame

VALUES = [7, 7.5, "7", "", True, [1, "a"], {"b": 1, "a": 2}, None]
FLOWS: list[Flow] = [{"A": value} for value in VALUES] + [{}]
MIXED = frame(FLOWS)


def kinds(flows: pl.DataFrame, operand: Operand) -> list[tuple[str, object]]:
    """Of each row the kind of its value, and the value."""
    named = {name: expr for name, expr in operand._asdict().items() if expr is not None}
    rows = flows.with_columns(**{f"k{name}": expr for name, expr in named.items()})
    return [
        next(((name, row[f"k{name}"]) for name in named if row[f"k{name}"] is not None), ("", None))
        for row in rows.iter_rows(named=True)
    ]


def test_a_field_of_mixed_values_has_one_kind_in_each_flow() -> None:
    assert kinds(MIXED, of_field(MIXED.schema, "A")) == [
        ("number", 7.0),
        ("number", 7.5),
        ("text", "7"),
        ("text", ""),
        ("flag", True),
        ("other", '[1.0,"a"]'),
        ("other", '{"a":2.0,"b":1.0}'),
        ("other", "null"),
        ("other", "null"),
    ]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [([1, 2], "number"), (["a", "b"], "text"), ([True, False], "flag")],
)
def test_a_field_of_one_type_has_that_kind_or_none(cells: list[object], kind: str) -> None:
    flows = pl.DataFrame({"A": cells})
    operand = of_field(flows.schema, "A")
    assert {name for name, expr in operand._asdict().items() if expr is not None} == {kind, "other"}
    assert [name for name, _ in kinds(flows, operand)] == [kind, kind]


def test_a_field_that_no_flow_has_is_null() -> None:
    flows = pl.DataFrame({"n": [1]})
    assert kinds(flows, of_field(flows.schema, "A")) == [("other", "null")]


@pytest.mark.parametrize(
    ("value", "matching"),
    [
        (7, [0]),
        (7.5, [1]),
        ("7", [2]),
        ("", [3]),
        (True, [4]),
        (1, []),
        ([1.0, "a"], [5]),
        (["a", 1], []),
        ({"a": 2, "b": 1}, [6]),
        (None, [7, 8]),
        ("null", []),
        (False, []),
    ],
)
def test_values_are_equal_in_kind_and_content(value: object, matching: list[int]) -> None:
    """Numbers by value, lists by element, objects whatever the order of their keys."""
    same = equal(of_field(MIXED.schema, "A"), of_value(value))
    found = MIXED.with_columns(same=same)["same"]
    assert found.null_count() == 0
    assert found.arg_true().to_list() == matching


def test_values_as_go_prints_them() -> None:
    texts = MIXED.with_columns(t=printed(of_field(MIXED.schema, "A")))["t"].to_list()
    assert texts == ["7", "7.5", "7", "", "true", "[1 a]", "map[a:2 b:1]", "<nil>", "<nil>"]
    million = pl.select(printed(of_value(1_000_000))).item()
    assert million == "1e+06"


def test_a_value_is_valid_unless_all_kinds_are_null() -> None:
    number = pl.Series([1.0, None])
    operand = Operand(number=pl.lit(number), text=pl.lit(None, dtype=pl.String))
    assert pl.select(operand.valid).to_series().to_list() == [True, False]
    assert pl.select(Operand().valid).item() is False
    assert len(operand.kinds) == 2
