"""Flows as JSON text."""

import polars as pl

from pipeline.flows.jsonl import json_lines
from pipeline.flows.values import overflow


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
