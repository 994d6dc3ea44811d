"""Flows as JSON text."""

import polars as pl

from pipeline.flows.jsonl import json_lines
from pipeline.flows.values import overflow


def test_whole_numbers_are_written_as_integers() -> None:
    """As Go writes a double: with an exponent from 1e21 on, and with the sign of a zero."""
    flows = pl.DataFrame({"n": [5.0, 5.5, -0.0, 2.0**53, 1e20, 1e21, 1e-7, -3.0]})
    assert json_lines(flows) == [
        f'{{"n":{text}}}'
        for text in (
            *("5", "5.5", "-0", "9007199254740992", "100000000000000000000", "1e+21", "1e-7"),
            "-3",
        )
    ]


def test_whole_numbers_beside_texts_are_integers_too() -> None:
    flows = pl.DataFrame({"n": ["5.0", None, None], overflow("n"): [None, "5.0", "-1.5"]})
    assert json_lines(flows) == ['{"n":"5.0"}', '{"n":5}', '{"n":-1.5}']


def test_json_lines_leave_out_what_is_absent() -> None:
    flows = pl.DataFrame(
        {
            "b": [1, None],
            "a": ['x"é', None],
            overflow("b"): [None, "null"],
            "L": [["p"], None],
            "E": [[{"k": "v", "z": None}], None],
        }
    )
    assert json_lines(flows) == ['{"E":[{"k":"v"}],"L":["p"],"a":"x\\"é","b":1}', '{"b":null}']
    assert json_lines(flows.clear()) == []


def test_numbers_inside_lists_stay_as_written() -> None:
    flows = pl.DataFrame({"n": pl.Series([None], dtype=pl.Float64), overflow("n"): ["[2.0,1e2]"]})
    assert json_lines(flows) == ['{"n":[2.0,1e2]}']
