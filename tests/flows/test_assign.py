from __future__ import annotations

import polars as pl
import pytest

from pipeline.flows import assign, values
from pipeline.testing import frame, rows

WHERE = pl.Series([True, False])


@pytest.mark.parametrize(
    "value", [7, 7.0, 300, 1.5, -1, "x", True, None, [1, "a"], ["a"], {"k": 1}]
)
@pytest.mark.parametrize("name", ["Proto", "Bytes", "Flags", "Interfaces", "SrcAddr", "Other"])
@pytest.mark.parametrize("before", [{}, {"Proto": 6, "Bytes": 9, "Other": "o", "Flags": ["SYN"]}])
def test_any_value_goes_into_any_field(value: object, name: str, before: dict[str, object]) -> None:
    flows = frame([before, before])
    assert rows(assign.put_value(flows, name, value, WHERE)) == [before | {name: value}, before]


def test_a_value_that_fits_is_typed() -> None:
    flows = assign.put_value(pl.DataFrame(height=2), "Proto", 6, WHERE)
    assert flows.schema == {"Proto": pl.UInt8()}
    flows = assign.put_value(flows, "Proto", 600, WHERE)
    assert flows.schema == {"Proto": pl.UInt8(), values.overflow("Proto"): pl.String()}
    assert flows["Proto"].to_list() == [None, None]


def test_numbers_keep_the_type_of_the_column_where_they_fit() -> None:
    flows = pl.DataFrame({"Proto": [1, 2]}, schema={"Proto": pl.UInt8})
    flows = assign.put_number(flows, "Proto", pl.Series([250.0, 300.0]))
    assert flows["Proto"].to_list() == [250, None]
    assert rows(flows) == [{"Proto": 250}, {"Proto": 300}]


def test_numbers_in_a_column_of_texts() -> None:
    flows = assign.put_number(frame([{"A": "x"}, {"A": "y"}]), "A", pl.Series([5.0, None]))
    assert rows(flows) == [{"A": 5}, {"A": "y"}]


def test_copy_takes_typed_and_odd_values() -> None:
    source = frame([{"A": 1}, {"A": "x"}, {}, {"A": 2}])
    where = pl.Series([True, True, True, False])
    flows = frame([{"B": "old"}] * 4)
    assert [flow["B"] for flow in rows(assign.copy(flows, "B", source, "A", where))] == [
        1,
        "x",
        "old",
        "old",
    ]


def test_mask_has_a_row_per_flow() -> None:
    flows = pl.DataFrame({"A": [1, None]})
    assert assign.mask(flows, pl.lit(True)).to_list() == [True, True]
    assert assign.mask(flows, pl.col("A") == 1).to_list() == [True, False]
