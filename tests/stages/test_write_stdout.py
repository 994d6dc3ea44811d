"""The three formats of write_stdout."""

from typing import Literal

import polars as pl
import pytest

from pipeline.stage import BuildContext
from stages.write_stdout import WriteStdout

FLOWS = pl.DataFrame({"b": [["1", "x"]], "a": [1.0], "d": [1e6], "c": [True]})


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("json", '{"a":1,"b":["1","x"],"c":true,"d":1000000}'),
        ("printf", "map[a:1 b:[1 x] c:true d:1e+06]"),
        ("fields", "a=1 b=[1 x] c=true d=1000000"),
    ],
)
def test_formats(form: Literal["json", "printf", "fields"], line: str) -> None:
    spec = WriteStdout(name="w", follows="x", format=form)
    assert spec.reads() is None
    assert spec.build(BuildContext())(FLOWS) == [line]


@pytest.mark.parametrize("form", ["json", "printf", "fields"])
def test_minus_zero_keeps_its_sign(form: Literal["json", "printf", "fields"]) -> None:
    spec = WriteStdout(name="w", follows="x", format=form)
    (line,) = spec.build(BuildContext())(pl.DataFrame({"a": [-0.0]}))
    assert "-0" in line
