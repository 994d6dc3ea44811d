"""Flows to deltas: values, labels, buckets, what is skipped or refused."""

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.flows.values import overflow
from pipeline.stage import (
    COUNT,
    FIRST_SEEN,
    LAST_SEEN,
    SUM,
    VALUE,
    BuildContext,
    Encoded,
    Kind,
    bucket,
)
from pipeline.stage.metrics import SMALLEST_DIVIDER
from pipeline.testing import frame
from stages.encode_prometheus import EncodePrometheus, Metric


def encode(flows: pl.DataFrame, **metric: object) -> Encoded:
    spec = EncodePrometheus(name="e", follows="x", metrics=[Metric(name="m", **metric)])  # type: ignore[arg-type] # keyword table of a test
    return spec.build(BuildContext())(flows)


def counted(encoded: Encoded) -> list[tuple[object, ...]]:
    """Labels and values of the first metric, without the times."""
    return encoded.deltas[0].series.drop(FIRST_SEEN, LAST_SEEN).rows()


def series(flows: pl.DataFrame, **metric: object) -> list[tuple[object, ...]]:
    return counted(encode(flows, **metric))


FLOWS = pl.DataFrame(
    {
        "ns": ["a", "b", None, "a"],
        "Bytes": [10, None, 5, 7],
        overflow("Bytes"): [None, '"x"', None, None],
    }
)


def test_a_null_list_has_an_empty_label() -> None:
    """A null that a decoder left, as an absent field; an empty list is `[]`."""
    flows = frame([{"Interfaces": None}, {}, {"Interfaces": []}])
    assert series(flows, labels=["Interfaces"]) == [("", 2.0), ("[]", 1.0)]


def test_a_null_field_has_an_empty_label() -> None:
    """A null that a stage made, as an absent field."""
    flows = frame([{"SrcAddr": None}, {"SrcAddr": "10.0.0.1"}])
    assert overflow("SrcAddr") in flows.columns
    assert series(flows, labels=["SrcAddr"]) == [("", 1.0), ("10.0.0.1", 1.0)]


NUMBERS = pl.DataFrame(
    {
        "ns": ["a", "a", "b", "b", "c", "c"],
        "L": pl.Series([[0.5, 3.0], [7.0], [], None, None, [float("nan")]], dtype=pl.List(float)),
        overflow("L"): [None, None, None, None, '"x"', None],
    }
)


def test_a_histogram_of_each_number_of_a_list() -> None:
    """What is no list of numbers is rejected; of an empty list and of none nothing is observed."""
    of: dict[str, Any] = {
        "type": Kind.HISTOGRAM,
        "value": "L",
        "each": True,
        "labels": ["ns"],
        "buckets": [1, 5],
    }
    encoded = encode(NUMBERS, **of)
    (row,) = encoded.deltas[0].series.rows(named=True)
    assert (row["ns"], row[COUNT], row[SUM]) == ("a", 3, 10.5)
    assert encoded.filtered == 2
    assert [(one.row, one.error, one.reason) for one in encoded.rejected] == [
        (4, "HistoValueConversionError", 'metric m: L is "x", not a list of numbers'),
        (5, "HistoValueConversionError", "metric m: L is a list with a NaN, not a list of numbers"),
    ]
    (problem,) = EncodePrometheus(name="e", metrics=[Metric(name="m", each=True)]).check(Path())
    assert (problem.path, problem.message) == (
        ("metrics", 0, "each"),
        "each is for a histogram with a value",
    )


def test_a_label_of_numbers_reads_as_go_prints_them() -> None:
    flows = pl.DataFrame({"L": [[0.5, 3.0, 1e21], [], None]})
    assert series(flows, labels=["L"]) == [("[0.5 3 1e+21]", 1.0), ("[]", 1.0), ("", 1.0)]


def test_a_counter_counts_flows_in_order_of_first_appearance() -> None:
    assert series(FLOWS, labels=["ns"]) == [("a", 2.0), ("b", 1.0), ("", 1.0)]
    assert series(FLOWS, labels=["ns", "absent"])[0] == ("a", "", 2.0)
    assert series(FLOWS) == [(4.0,)]


def test_a_value_is_scaled_and_what_is_no_number_refused() -> None:
    encoded = encode(FLOWS, labels=["ns"], value="Bytes", divider=2.0)
    assert counted(encoded) == [("a", 8.5), ("", 2.5)]
    assert encoded.filtered == 0
    assert [(bad.row, bad.error, bad.metric, bad.field) for bad in encoded.rejected] == [
        (1, "ValueConversionError", "m", "Bytes")
    ]
    assert encoded.rejected[0].reason == 'metric m: Bytes "x" is not a number'


def test_a_metric_without_value_is_divided_too() -> None:
    (delta,) = encode(FLOWS, divider=4.0).deltas
    assert delta.series[VALUE].to_list() == [FLOWS.height / 4]


@pytest.mark.parametrize("divider", [3.0, 7.3, 1000.0, 1e9])
@pytest.mark.parametrize("kind", [Kind.COUNTER, Kind.GAUGE])
def test_a_division_is_exact(kind: Kind, divider: float) -> None:
    """Polars divides a column by a constant through its inverse: a bit off in a third of cases."""
    numbers = [n * 1e6 + 0.1 for n in range(1, 500)]
    flows = pl.DataFrame({"n": numbers, "i": [str(n) for n in range(1, 500)]})
    series = encode(flows, type=kind, labels=["i"], value="n", divider=divider).deltas[0].series
    assert series[VALUE].to_list() == [number / divider for number in numbers]


@pytest.mark.parametrize(
    ("divider", "message"),
    [
        (float("inf"), "the divider is not a finite number"),
        (float("nan"), "the divider is not a finite number"),
        (1e-310, "numbers of flows divided by 1e-310 become infinite"),
        (1e-290, "numbers of flows divided by 1e-290 become infinite"),
        (-2.0, "a counter divided by -2 would go down"),
    ],
)
def test_dividers_are_checked(divider: float, message: str) -> None:
    stage = EncodePrometheus(name="e", metrics=[Metric(name="m", divider=divider)])
    assert [(p.path, p.message) for p in stage.check(Path())] == [
        (("metrics", 0, "divider"), message)
    ]


def test_an_absent_value_is_skipped() -> None:
    encoded = encode(pl.DataFrame({"n": [1, None]}), value="n")
    assert (counted(encoded), encoded.filtered) == ([(1.0,)], 1)
    for labels in (["ns"], ["NoSuch"], []):
        nothing = encode(FLOWS, value="NoSuch", labels=labels)
        assert (nothing.deltas[0].series.height, nothing.filtered) == (0, 4)
        assert encode(FLOWS.clear(), value="NoSuch", labels=labels).filtered == 0


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        (Kind.COUNTER, -1.0, "NegativeValueError"),
        (Kind.COUNTER, float("nan"), "ValueConversionError"),
        (Kind.HISTOGRAM, float("nan"), "ValueConversionError"),
        (Kind.HISTOGRAM, -1.0, ""),
        (Kind.GAUGE, float("nan"), ""),
        (Kind.GAUGE, -1.0, ""),
        (Kind.COUNTER, float("inf"), ""),
    ],
)
def test_values_that_poison_a_series(kind: Kind, value: float, error: str) -> None:
    encoded = encode(pl.DataFrame({"v": [value]}), type=kind, value="v")
    assert [bad.error for bad in encoded.rejected] == ([error] if error else [])


def test_the_smallest_divider_leaves_every_number_of_a_flow_finite() -> None:
    flows = pl.DataFrame({"v": [2**64 - 1]}, schema={"v": pl.UInt64})
    for divider, finite in ((SMALLEST_DIVIDER, True), (SMALLEST_DIVIDER / 2, False)):
        ((value,),) = series(flows, type=Kind.GAUGE, value="v", divider=divider)
        assert isinstance(value, float)
        assert math.isfinite(value) == finite
        stage = EncodePrometheus(name="e", metrics=[Metric(name="m", divider=divider)])
        assert (not [*stage.check(Path())]) == finite


def test_a_gauge_takes_the_last_value() -> None:
    assert series(FLOWS, labels=["ns"], type=Kind.GAUGE, value="Bytes") == [("a", 7.0), ("", 5.0)]


def test_a_histogram_puts_a_bound_into_its_own_bucket() -> None:
    flows = pl.DataFrame({"v": [0.5, 1.0, 1.1, 9.0]})
    delta = encode(flows, type=Kind.HISTOGRAM, value="v", buckets=[1.0, 5.0]).deltas[0]
    assert delta.family.buckets == (1.0, 5.0)
    assert delta.series.row(0, named=True) == {
        COUNT: 4,
        SUM: 11.6,
        bucket(0): 2,
        bucket(1): 1,
        bucket(2): 1,
        FIRST_SEEN: None,
        LAST_SEEN: None,
    }


def test_a_series_has_the_times_of_its_flows() -> None:
    """The end of a flow, else when it was received; times that cannot be are none."""
    flows = pl.DataFrame(
        {
            "ns": ["a", "a", "b", "c", "d"],
            "TimeFlowEndMs": [5000, 3000, 0, None, 10**18],
            "TimeReceived": [9, 9, 9, 8, 0],
        }
    )
    delta = encode(flows, labels=["ns"]).deltas[0]
    assert delta.series.select("ns", FIRST_SEEN, LAST_SEEN).rows() == [
        ("a", 3.0, 5.0),
        ("b", 9.0, 9.0),
        ("c", 8.0, 8.0),
        ("d", None, None),
    ]


def test_an_empty_batch_gives_empty_deltas() -> None:
    for kind in Kind:
        assert series(FLOWS.clear(), type=kind, labels=["ns"]) == []
        assert series(FLOWS.clear(), type=kind) == []
    assert VALUE in encode(FLOWS.clear()).deltas[0].series.columns


def test_names_are_checked() -> None:
    spec = EncodePrometheus(
        name="e",
        prefix="9",
        metrics=[
            Metric(name="a", labels=["x", "x", "a-b", "__name__"]),
            Metric(name="h", type=Kind.HISTOGRAM, labels=["le"], buckets=[2.0, 1.0]),
        ],
    )
    assert [(p.path, p.message) for p in spec.check(Path())] == [
        (("metrics", 0, "name"), '"9a" is not a valid metric name'),
        (("metrics", 0, "labels", 1), 'label "x" is given twice'),
        (("metrics", 0, "labels", 2), '"a-b" is not a valid label name'),
        (("metrics", 0, "labels", 3), '"__name__" is not a valid label name'),
        (("metrics", 1, "name"), '"9h" is not a valid metric name'),
        (("metrics", 1, "labels", 0), 'a histogram has its own label "le"'),
        (("metrics", 1, "buckets"), "buckets must ascend"),
    ]


def test_it_tells_which_fields_it_names_and_where() -> None:
    spec = EncodePrometheus(
        name="e", follows="x", metrics=[Metric(name="m", labels=["A", "B"], value="Bytes")]
    )
    assert list(spec.named()) == [
        (("metrics", 0, "labels", 0), "A"),
        (("metrics", 0, "labels", 1), "B"),
        (("metrics", 0, "value"), "Bytes"),
    ]
