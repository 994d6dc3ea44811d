"""The value model: mixed values in one frame, read and written the same way."""

import json

import polars as pl
import pytest

from pipeline.flows import gotext
from pipeline.flows import values as v
from pipeline.flows.jsonl import json_lines


@pytest.fixture
def mixed() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "a": [1.5, None, 1e21, -0.0, None],
            v.overflow("a"): [None, '[1000000,"a",null,true]', None, None, "null"],
            "L": [["x", "y"], [], None, ["z"], None],
        }
    )


def read(frame: pl.DataFrame, expr: pl.Expr) -> list[object]:
    return frame.select(expr.alias("out"))["out"].to_list()


def test_text_prints_as_the_original(mixed: pl.DataFrame) -> None:
    got = read(mixed, v.text(mixed.schema, "a"))
    assert got == ["1.5", "[1e+06 a <nil> true]", "1000000000000000000000", "-0", None]
    assert read(mixed, v.text(mixed.schema, "L")) == ["[x y]", "[]", None, "[z]", None]


def test_zeros_of_both_signs_keep_their_own_text() -> None:
    """They are equal numbers, and yet two texts: neither takes the other's."""
    for zeros in ([0.0, -0.0, 0.0], [-0.0, 0.0, -0.0]):
        frame = pl.DataFrame({"a": zeros})
        assert read(frame, v.text(frame.schema, "a")) == [f"{zero:g}" for zero in zeros]


def test_present_counts_an_explicit_null(mixed: pl.DataFrame) -> None:
    assert read(mixed, v.present(mixed.schema, "a")) == [True] * 5
    assert read(mixed, v.present(mixed.schema, "L")) == [True, True, False, True, False]
    assert read(mixed, v.present(mixed.schema, "none")) == [False]


def test_number_of_odd_cells() -> None:
    frame = pl.DataFrame(
        {"n": [7, None, None, None], v.overflow("n"): [None, "443.5", '"1_000"', "true"]},
        schema={"n": pl.UInt16, v.overflow("n"): pl.String},
    )
    assert read(frame, v.number(frame.schema, "n")) == [7.0, 443.5, 1000.0, None]
    assert read(frame, v.integer(frame.schema, "n")) == [7.0, 443.0, None, None]


def test_put_moves_values_of_another_type_aside(mixed: pl.DataFrame) -> None:
    frame = v.put(mixed, "a", pl.Series(["q", None, None, None, None], dtype=pl.String))
    assert frame["a"].to_list() == ["q", None, None, None, None]
    assert frame[v.overflow("a")].to_list() == [
        None,
        '[1000000,"a",null,true]',
        "1e+21",
        "-0.0",
        "null",
    ]


def test_put_null(mixed: pl.DataFrame) -> None:
    frame = v.put_null(mixed, "L", pl.col("a").is_not_null())
    assert frame["L"].to_list() == [None, [], None, None, None]
    assert frame[v.overflow("L")].to_list() == ["null", None, "null", "null", None]


@pytest.mark.parametrize(
    ("number", "printed"),
    [(1e6, "1e+06"), (123456.5, "123456.5"), (1e21, "1e+21"), (1e-5, "1e-05"), (1.5, "1.5")],
)
def test_general(number: float, printed: str) -> None:
    assert gotext.general(number) == printed


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("123", 123.0),
        ("1e3", 1000.0),
        (" 12", None),
        ("1_000", 1000.0),
        ("abc", None),
        ("", None),
        ("0x1p4", 16.0),
        ("0x10", None),
        ("1e400", None),
        (".5", 0.5),
    ],
)
def test_parse_float(written: str, number: float | None) -> None:
    assert gotext.parse_float(written) == number


def test_strict_readings_take_one_kind_each() -> None:
    cells = [None, '"7"', "7", "true", "null", "[7]"]
    frame = pl.DataFrame(
        {"n": [7, *[None] * 5], v.overflow("n"): cells},
        schema={"n": pl.UInt16, v.overflow("n"): pl.String},
    )
    assert read(frame, v.numeric(frame.schema, "n")) == [7.0, None, 7.0, None, None, None]
    assert read(frame, v.string(frame.schema, "n")) == [None, "7", None, None, None, None]
    assert read(frame, v.boolean(frame.schema, "n")) == [None, None, None, True, None, None]


def test_columns_of_the_engine_are_no_fields() -> None:
    frame = pl.DataFrame({v.ORIGIN: [0], "a": [1], v.overflow("a"): [None], v.overflow("b"): ["1"]})
    assert v.names(frame) == ["a", "b"]


def test_flows_without_any_field_are_rows_beside_others() -> None:
    none, some = pl.DataFrame({"A": [1, 2]}).drop("A"), pl.DataFrame({"A": [3]})
    assert v.concat([none, some])["A"].to_list() == [None, None, 3]
    assert v.concat([some, none])["A"].to_list() == [3, None, None]
    assert v.concat([none, none]).height == 4


def test_frames_of_other_types_join_without_loss() -> None:
    events = [[{"a": "x"}], [{"b": "y"}]]
    frames = [
        pl.DataFrame({"F": pl.Series([2], dtype=pl.UInt16), "E": events[:1], "A": [True]}),
        pl.DataFrame({"F": [["SYN"]], "E": events[1:], "A": ["x"], v.overflow("B"): ["[1]"]}),
        pl.DataFrame({"F": [1.5], "B": [7]}),
    ]
    joined = v.concat(frames)
    assert [json.loads(line) for line in json_lines(joined)] == [
        {"F": 2, "E": events[0], "A": True},
        {"F": ["SYN"], "E": events[1], "A": "x", "B": [1]},
        {"F": 1.5, "B": 7},
    ]


def test_a_constant_is_a_value_for_each_flow() -> None:
    """As an expression of constants alone, or as a column that Polars keeps as one value."""
    flows = pl.DataFrame({"A": [1, 2]}).with_columns(pl.lit("x").alias("B"))
    assert v.column(flows, v.string(flows.schema, "A")).to_list() == [None, None]
    assert v.column(flows, pl.col("B").fill_null("") < "y").to_list() == [True, True]
    whole = v.materialized(flows)
    assert whole.equals(flows)
    assert whole.select(pl.col("B").fill_null("") < "y").height == 2
    assert v.materialized(flows.drop("A", "B")).height == 2
