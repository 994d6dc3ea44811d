"""JSON values of one field to a typed column and its overflow column."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from pipeline.decode.columns import EXACT, bounds, columns
from pipeline.flows.catalogue import EVENT_KEYS
from pipeline.flows.values import overflow

TEXTS, NUMBERS = pl.List(pl.String()), pl.List(pl.Int64())


def read(name: str, *cells: Any) -> tuple[pl.DataType, list[Any], list[str | None]]:
    """Type and values of the column, and the texts of the overflow column (or nothing)."""
    series, _ = columns(name, list(cells))
    assert [one.name for one in series] == [name, overflow(name)][: len(series)]
    return series[0].dtype, series[0].to_list(), series[1].to_list() if series[1:] else []


@pytest.mark.parametrize(
    ("name", "cells", "dtype"),
    [
        ("SrcPort", [443, None, 0], pl.UInt16()),
        ("Bytes", [2**53, 1], pl.UInt64()),
        ("IPSecRetCode", [-1, None], pl.Int32()),
        ("SrcAddr", ["10.0.0.1", None, ""], pl.String()),
        ("Interfaces", [["eth0", ""], None], TEXTS),
        ("IfDirections", [[0, 1], None], NUMBERS),
        ("x", [1.5, None], pl.Float64()),
        ("x", ["a", None], pl.String()),
        ("x", [True, False], pl.Boolean()),
        ("x", [["a"], None, []], TEXTS),
    ],
)
def test_values_of_the_usual_type(name: str, cells: list[Any], dtype: pl.DataType) -> None:
    assert read(name, *cells) == (dtype, cells, [])


@pytest.mark.parametrize(
    ("name", "cell", "text"),
    [
        ("SrcPort", 65_536, "65536"),
        ("SrcPort", -1, "-1"),
        ("SrcPort", 1.5, "1.5"),
        ("SrcPort", True, "true"),
        ("SrcPort", "many", '"many"'),
        ("SrcPort", "443.5", '"443.5"'),
        ("SrcPort", [443], "[443]"),
        ("SrcAddr", 7, "7"),
        ("Interfaces", ["a", None], '["a",null]'),
        ("Interfaces", "eth0", '"eth0"'),
        ("IfDirections", [0, "x"], '[0,"x"]'),
        ("NetworkEvents", [{"Type": 1}], '[{"Type":1}]'),
        ("NetworkEvents", {"Type": "a"}, '{"Type":"a"}'),
    ],
)
def test_what_does_not_fit_the_type_of_the_catalogue_is_kept_as_json(
    name: str, cell: Any, text: str
) -> None:
    usual, _ = columns(name, [None])
    series, coerced = columns(name, [cell, None])
    assert [one.dtype for one in series] == [usual[0].dtype, pl.String()]
    assert [one.to_list() for one in series] == [[None, None], [text, None]]
    assert coerced == 0


@pytest.mark.parametrize(
    ("name", "cells", "values", "coerced"),
    [
        ("SrcPort", ["443", 80], [443, 80], 1),
        ("SrcPort", ["1e3", "0x1p4"], [1000, 16], 2),
        ("SrcPort", [443.0], [443], 0),
        ("IfDirections", [[0, "1"], ["1", "1"]], [[0, 1], [1, 1]], 2),
        ("SrcPort", ["many", 80], [None, 80], 0),
    ],
)
def test_a_text_that_reads_as_the_number_of_its_field_is_coerced(
    name: str, cells: list[Any], values: list[Any], coerced: int
) -> None:
    """The count is of cells: of a list with several such texts, one."""
    series, count = columns(name, cells)
    assert (series[0].to_list(), count) == (values, coerced)


def test_of_a_field_outside_the_catalogue_the_commonest_type_wins() -> None:
    assert read("x", 1, "a", "b", None, True) == (
        pl.String(),
        [None, "a", "b", None, None],
        ["1.0", None, None, None, "true"],
    )
    assert read("x", 1, 2.5, "a") == (pl.Float64(), [1.0, 2.5, None], [None, None, '"a"'])
    assert read("x", "443") == (pl.String(), ["443"], [])


def test_flags_are_bits_or_names_by_what_most_flows_have() -> None:
    assert read("Flags", 2, 16, ["SYN"]) == (pl.UInt16(), [2, 16, None], [None, None, '["SYN"]'])
    assert read("Flags", 2, ["SYN"], ["ACK"]) == (
        TEXTS,
        [None, ["SYN"], ["ACK"]],
        ["2", None, None],
    )


def test_events_have_the_known_keys_then_the_others_of_the_batch() -> None:
    dtype, found, odd = read("NetworkEvents", [{"Type": "acl", "b": "1"}, {"a": "2"}], None)
    assert isinstance(dtype, pl.List)
    assert isinstance(dtype.inner, pl.Struct)
    assert [field.name for field in dtype.inner.fields] == [*EVENT_KEYS, "a", "b"]
    first, second = found[0]
    assert {key: value for key, value in first.items() if value} == {"Type": "acl", "b": "1"}
    assert {key: value for key, value in second.items() if value} == {"a": "2"}
    assert (found[1], odd) == (None, [])


def test_integers_that_a_double_cannot_hold_are_rounded() -> None:
    """Numbers are doubles (docs/reference/decoding.md#json)."""
    assert EXACT == 9_007_199_254_740_992
    assert read("Bytes", EXACT + 1) == (pl.UInt64(), [EXACT], [])
    assert read("Bytes", 2**64) == (pl.UInt64(), [None], ["1.8446744073709552e19"])
    assert read("x", 2**60 + 1) == (pl.Float64(), [float(2**60)], [])


def test_a_field_that_no_flow_has_is_a_column_of_nulls() -> None:
    assert read("SrcPort", None, None) == (pl.UInt16(), [None, None], [])


@pytest.mark.parametrize(
    ("dtype", "least", "greatest"),
    [
        (pl.UInt8(), 0, 255),
        (pl.UInt64(), 0, 2**64 - 1),
        (pl.Int32(), -(2**31), 2**31 - 1),
        (pl.Int64(), -(2**63), 2**63 - 1),
    ],
)
def test_bounds_of_an_integer_type(dtype: pl.DataType, least: int, greatest: int) -> None:
    assert bounds(dtype) == (least, greatest)
