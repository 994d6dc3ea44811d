"""What is wrong with the fields of the stage, in its own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stages.conntrack.given import stage


@pytest.mark.parametrize(
    ("fields", "path", "said"),
    [
        ({"keys": {"groups": ["comon"]}}, ("keys", "groups", 0), 'there is no group "comon"'),
        ({"keys": {"a": "src", "b": "dts"}}, ("keys", "b"), 'there is no group "dts"'),
        ({"keys": {"a": "src"}}, ("keys",), '"a" and "b" go together: "b" is missing'),
        ({"keys": {}}, ("keys",), "no group makes the hash: all flows would be one connection"),
        (
            {"keys": {"groups": ["common"]}, "tcp_flags": {"field": "Flags", "swap": True}},
            ("tcp_flags", "swap"),
            'to exchange them, the keys need "a" and "b"',
        ),
        (
            {
                "keys": {"groups": ["common"]},
                "outputs": [{"name": "x", "operation": "sum", "split": True}],
            },
            ("outputs", 0, "split"),
            'to split, the keys need "a" and "b"',
        ),
        (
            {"scheduling": [{"selector": {"SrcAdr": "::1"}}, {}]},
            ("scheduling", 0, "selector", "SrcAdr"),
            '"SrcAdr" is not a key field',
        ),
    ],
)
def test_a_problem_has_its_place(fields: dict[str, Any], path: Any, said: str) -> None:
    [problem] = stage(**fields).check(Path())
    assert (problem.path, problem.message) == (path, said)


def test_a_split_output_is_two_outputs() -> None:
    split = {"name": "x", "operation": "sum", "split": True}
    outputs = [split, {"name": "x", "operation": "sum"}, {"name": "x_BA", "operation": "sum"}]
    [problem] = stage(outputs=outputs).check(Path())
    assert problem.message == 'the output "x_BA" is given twice'
