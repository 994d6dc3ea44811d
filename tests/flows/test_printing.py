"""Flows as Go prints them, to the byte."""

from __future__ import annotations

import time
from collections.abc import Iterator

import polars as pl
import pytest

from pipeline.decode import json as json_flows
from pipeline.flows.printing import Format, printer
from pipeline.flows.values import overflow
from pipeline.stage import BuildContext

MOMENT = 1_700_000_000.0456
"""2023-11-14 22:13:20.045 UTC."""


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def printed(form: Format, flows: pl.DataFrame, *, integers: bool = False) -> list[str]:
    return printer(form, integers=integers, now=lambda: MOMENT)(flows)


def decoded(*lines: str) -> pl.DataFrame:
    return json_flows.decoder(BuildContext())([line.encode() for line in lines]).flows


@pytest.mark.parametrize(
    ("flow", "text"),
    [
        (
            '{"TimeReceived":1,"b":[1,"x"],"a":{"k":1.5}}',
            "map[TimeReceived:1 a:map[k:1.5] b:[1 x]]",
        ),
        ('{"TimeReceived":1700000000}', "map[TimeReceived:1.7e+09]"),
        ('{"TimeReceived":1,"Bytes":999999}', "map[Bytes:999999 TimeReceived:1]"),
        ('{"TimeReceived":1,"Bytes":1234567}', "map[Bytes:1.234567e+06 TimeReceived:1]"),
        ('{"TimeReceived":1,"n":-1e-05,"m":0.0001}', "map[TimeReceived:1 m:0.0001 n:-1e-05]"),
        ('{"TimeReceived":1,"n":9007199254740993}', "map[TimeReceived:1 n:9.007199254740992e+15]"),
        ('{"TimeReceived":1,"a":{"b":null,"a":[]}}', "map[TimeReceived:1 a:map[a:[] b:<nil>]]"),
        ('{"TimeReceived":1,"a":{},"b":"","c":false}', "map[TimeReceived:1 a:map[] b: c:false]"),
        ('{"TimeReceived":1,"t":"a\\nb \\u00e9 <&>"}', "map[TimeReceived:1 t:a\nb \u00e9 <&>]"),
        (
            '{"TimeReceived":1,"a b":[[1,[2]],{"z":1,"y":2}]}',
            "map[TimeReceived:1 a b:[[1 [2]] map[y:2 z:1]]]",
        ),
    ],
)
def test_printf_of_json_flows(flow: str, text: str) -> None:
    assert printed("printf", decoded(flow)) == [text]


def test_printf_of_protobuf_flows() -> None:
    """Integers are integers, also large ones; lists and events are what they are."""
    flows = pl.DataFrame(
        {
            "Bytes": [2**63 + 1],
            "TimeFlowEndMs": [1_761_645_605_456],
            "IfDirections": [[0, 1]],
            "Interfaces": [["eth0", "br-ex"]],
            "NetworkEvents": [[{"Type": "ACL", "Action": "allow"}]],
        },
        schema_overrides={"Bytes": pl.UInt64},
    )
    (line,) = printed("printf", flows, integers=True)
    assert line == (
        "map[Bytes:9223372036854775809 IfDirections:[0 1] Interfaces:[eth0 br-ex] "
        "NetworkEvents:[map[Action:allow Type:ACL]] TimeFlowEndMs:1761645605456]"
    )


def test_columns() -> None:
    """A time, then a line for each field; names are as wide as the longest."""
    flows = pl.DataFrame({"SrcPort": [443], "Bytes": [1e6], "A": [["x", "y"]]})
    assert printed("fields", flows) == [
        "\n\nFlow record at Nov 14 22:13:20.045:\nA       = [x y]\nBytes   = 1e+06\nSrcPort = 443\n"
    ]


def test_columns_of_a_day_of_one_digit() -> None:
    print_ = printer("fields", integers=False, now=lambda: 1_704_067_200.0)
    assert print_(pl.DataFrame({"A": [1]})) == ["\n\nFlow record at Jan  1 00:00:00.000:\nA = 1\n"]


def test_columns_of_values_with_breaks() -> None:
    """A line break or a tab in a value begins another line or cell, as the original's columns."""
    flows = pl.DataFrame({"Long": ["1\n2"], "B": ["x\ty"], "CC": ["z"]})
    lines = printed("fields", flows)[0].splitlines()[3:]
    assert lines == ["B    = x y", "CC   = z", "Long = 1", "2"]


def test_json_is_plain() -> None:
    """No escapes for HTML, as the original writes it here; keys are sorted."""
    flows = pl.DataFrame({"b": ["<&>"], "a": [1e21], overflow("c"): ["1e6"]})
    assert printed("json", flows) == ['{"a":1e+21,"b":"<&>","c":1000000}']
