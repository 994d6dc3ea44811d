"""The three formats of write_stdout."""

import re
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
        ("fields", "\n\nFlow record at T:\na = 1\nb = [1 x]\nc = true\nd = 1e+06\n"),
    ],
)
def test_formats(form: Literal["json", "printf", "fields"], line: str) -> None:
    spec = WriteStdout(name="w", follows="x", format=form)
    assert spec.reads() is None
    (written,) = spec.build(BuildContext())(FLOWS)
    assert re.sub(r"(?<= at ).*(?=:\n)", "T", str(written), count=1) == line


def test_whole_numbers_print_as_the_decoder_has_them() -> None:
    """The original has integers of protobuf, and doubles of JSON, also where both come."""
    spec = WriteStdout(name="w", follows="x", format="printf")
    flows = pl.DataFrame({"Bytes": [1_000_000]})
    for decoders, line in (
        ({"protobuf"}, "map[Bytes:1000000]"),
        ({"json"}, "map[Bytes:1e+06]"),
        ({"json", "protobuf"}, "map[Bytes:1e+06]"),
        (set[str](), "map[Bytes:1e+06]"),
    ):
        assert spec.build(BuildContext(decoders=frozenset(decoders)))(flows) == [line]


@pytest.mark.parametrize("form", ["json", "printf", "fields"])
def test_minus_zero_keeps_its_sign(form: Literal["json", "printf", "fields"]) -> None:
    spec = WriteStdout(name="w", follows="x", format=form)
    (line,) = spec.build(BuildContext())(pl.DataFrame({"a": [-0.0]}))
    assert "-0" in line
