"""JSON flows: the original's rules, odd values, and the same rows however a batch is split."""

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decode.json import decoder
from pipeline.flows import values
from pipeline.flows.catalogue import CATALOGUE
from pipeline.stage import BuildContext

GOLDEN = Path(__file__).parent.parent / "golden"
NOW = 1_761_645_700.9
CONTEXT = BuildContext(clock=lambda: NOW)
DECODE = decoder(CONTEXT, few=0)
Flow = dict[str, Any]


def rows(flows: pl.DataFrame) -> list[Flow]:
    cells = flows.select(values.cell(flows.schema, n).alias(n) for n in values.names(flows))
    return [
        {name: json.loads(cell) for name, cell in row.items() if cell is not None}
        for row in cells.to_dicts()
    ]


def flows_of(*payloads: bytes, few: int = 0) -> pl.DataFrame:
    """Those of a decoder that has read nothing before: it goes by the types that it has seen."""
    decoded = decoder(CONTEXT, few=few)(list(payloads))
    assert decoded.rejected == []
    return decoded.flows


def encode(*flows: Any) -> list[bytes]:
    return [json.dumps(flow).encode() for flow in flows]


def test_the_original_file() -> None:
    decoded = DECODE((GOLDEN / "decode-json-file" / "flows.jsonl").read_bytes().splitlines())
    lines = (GOLDEN / "decode-json-file" / "expected.jsonl").read_text().splitlines()
    now = {"TimeReceived": int(NOW)}
    assert rows(decoded.flows) == [
        flow | now if flow["TimeReceived"] == "NOW" else flow for flow in map(json.loads, lines)
    ]
    assert [index for index, _ in decoded.rejected] == [2, 3, 4, 7, 8, 9, 13]
    reasons = dict(decoded.rejected)
    assert reasons[3] == "an array instead of an object"
    assert reasons[4] == "a text instead of an object"
    assert "out of range" in reasons[9]
    assert "trailing" in reasons[13]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"   ",
        b"12",
        b"true",
        b"{",
        b'{"a":1}{"b":2}',
        b'{"a":Infinity}',
        b'{"a":-1e999}',
        b'{"a":' + b"9" * 309 + b"}",
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":[{"b":1e400}]}',
        b'{"a":01}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\n"}',
        b'{"a":\xff}',
        b"[" * 100_000,
        b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"*":1}',
        b'{"^a$":1}',
        b'{"\\u001fBytes":"boom"}',
        b'{"\\ud800":1}garbage',
    ],
)
def test_rejected_with_a_reason_and_without_harm(payload: bytes) -> None:
    decoded = DECODE([b'{"Bytes":1}', payload, b'{"Bytes":2}'])
    assert [index for index, _ in decoded.rejected] == [1]
    assert decoded.rejected[0][1]
    assert decoded.flows["Bytes"].to_list() == [1, 2]


def test_a_payload_over_the_limit_is_rejected() -> None:
    decoded = decoder(BuildContext(), max_bytes=10)([b'{"a":"123456"}', b'{"a":1}'])
    assert decoded.rejected == [(0, "14 bytes, more than the 10 a flow may have")]
    assert decoded.flows["a"].to_list() == [1]


def test_broken_text_is_replaced_byte_by_byte() -> None:
    flows = flows_of(b'{"a":"x\xe2\x82y"}', b'{"a":"\\udc00\\ud800\\u0041"}', b'{"\xff":"k"}')
    assert flows["a"].to_list() == ["x\ufffd\ufffdy", "\ufffd\ufffdA", None]
    assert flows["\ufffd"].to_list() == [None, None, "k"]


def test_time_received_is_added_unless_present() -> None:
    flows = flows_of(
        b"{}", b'{"TimeReceived":null}', b'{"TimeReceived":7}', b'{"TimeReceived":"x"}'
    )
    assert flows["TimeReceived"].to_list() == [int(NOW), int(NOW), 7, None]
    assert flows[values.overflow("TimeReceived")].to_list() == [None, None, None, '"x"']


def test_numbers_that_fit_are_typed() -> None:
    flows = flows_of(*encode({"SrcPort": 443}, {"SrcPort": 443.0}, {"SrcPort": 4.43e2}))
    assert flows["SrcPort"].dtype == pl.UInt16
    assert flows["SrcPort"].to_list() == [443, 443, 443]
    assert values.overflow("SrcPort") not in flows.columns


def test_texts_become_numbers_and_are_counted() -> None:
    decoded = DECODE(encode({"SrcPort": "443"}, {"SrcPort": "4.43e2"}, {"IfDirections": ["1", 0]}))
    assert decoded.flows["SrcPort"].to_list() == [443, 443, None]
    assert decoded.flows["IfDirections"].to_list() == [None, None, [1, 0]]
    assert decoded.coerced == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SrcPort", 443.5),
        ("SrcPort", 65536),
        ("SrcPort", True),
        ("SrcPort", "https"),
        ("SrcPort", [443]),
        ("Bytes", -5),
        ("Bytes", 2**64),
        ("SrcAddr", 5),
        ("SrcAddr", {"ip": None}),
        ("Interfaces", ["eth0", None]),
        ("Interfaces", "eth0"),
        ("IfDirections", [0.5]),
        ("NetworkEvents", [{"Name": None}]),
        ("NetworkEvents", ["x"]),
    ],
)
def test_what_does_not_fit_is_odd(name: str, value: object) -> None:
    flows = flows_of(*encode({name: value}, {}))
    assert flows.schema[name] == CATALOGUE[name].dtype
    assert flows[name].to_list() == [None, None]
    assert [cell and json.loads(cell) for cell in flows[values.overflow(name)]] == [value, None]


def test_integers_are_doubles() -> None:
    flows = flows_of(b'{"Bytes":9007199254740993,"x":9007199254740993}')
    assert flows["Bytes"].to_list() == [2**53]
    assert flows["x"].to_list() == [float(2**53)]


def test_flags_take_the_type_of_most() -> None:
    names, bits = {"Flags": ["SYN", "ACK"]}, {"Flags": 18}
    listed = flows_of(*encode(names, names, bits), few=3)
    assert listed["Flags"].to_list() == [["SYN", "ACK"], ["SYN", "ACK"], None]
    assert listed[values.overflow("Flags")].to_list() == [None, None, "18"]
    numbered = flows_of(*encode(names, bits, bits), few=3)
    assert numbered["Flags"].dtype == pl.UInt16
    assert numbered[values.overflow("Flags")].to_list() == ['["SYN","ACK"]', None, None]


def test_open_fields_take_the_commonest_kind() -> None:
    flows = flows_of(*encode({"x": 1}, {"x": "a"}, {"x": 2.5}, {"x": True}, {"x": {"k": [1]}}))
    assert flows["x"].to_list() == [1.0, None, 2.5, None, None]
    assert flows[values.overflow("x")].to_list() == [None, '"a"', None, "true", '{"k":[1]}']
    others = flows_of(*encode({"b": True, "l": ["a"], "e": []}))
    assert others.schema["b"] == pl.Boolean
    assert others.schema["l"] == others.schema["e"] == pl.List(pl.String)


def test_events_keep_the_keys_they_have() -> None:
    flow = {"NetworkEvents": [{"zone": "z", "Name": "np"}, {}, {"Action": "drop"}]}
    flows = flows_of(*encode(flow, {}))
    assert [row.get("NetworkEvents") for row in rows(flows)] == [flow["NetworkEvents"], None]


def test_only_needed_columns() -> None:
    decode = decoder(BuildContext(needed=frozenset({"Bytes", "K8S_FlowLayer"}), clock=lambda: NOW))
    decoded = decode(encode({"Bytes": 1, "SrcPort": "x", "y": 2}))
    assert decoded.flows.columns == ["Bytes", "TimeReceived"]
    assert decode([]).flows.columns == ["TimeReceived"]


names = st.sampled_from(["SrcPort", "Bytes", "SrcAddr", "Flags", "IfDirections", "Interfaces"])
more_names = st.sampled_from(["NetworkEvents", "TimeReceived", "x", "y", ""])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70_000),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["443", "1_0", "0x1p4", "-0", "1e400", "nan"]),
)
anything = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.lists(st.dictionaries(st.text(max_size=3), st.one_of(st.text(max_size=3), scalars))),
    st.dictionaries(st.text(max_size=3), scalars, max_size=2),
)
objects = st.dictionaries(st.one_of(names, more_names), anything, max_size=6)
payloads = st.lists(
    st.one_of(objects.map(lambda flow: json.dumps(flow).encode()), st.binary(max_size=20)),
    max_size=12,
)


def same(one: Any, other: Any) -> bool:
    """Equal as the original sees it: every number a double."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=0, abs_tol=0) or float(one) == float(other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(payloads, payloads)
def test_splits_change_nothing(first: list[bytes], second: list[bytes]) -> None:
    together = DECODE(first + second)
    parts = [DECODE(first), DECODE(second)]
    assert same(rows(together.flows), [row for part in parts for row in rows(part.flows)])
    assert together.coerced == sum(part.coerced for part in parts)
    assert together.rejected == [
        *parts[0].rejected,
        *((index + len(first), reason) for index, reason in parts[1].rejected),
    ]
    assert together.flows.height + len(together.rejected) == len(first) + len(second)


@given(objects)
def test_every_value_survives(flow: Flow) -> None:
    """What is decoded is what was sent, but for texts that became numbers."""
    got = rows(flows_of(*encode(flow)))[0]
    sent = {name: value for name, value in flow.items() if value is not None}
    assert got.keys() == sent.keys() | {"TimeReceived"}
    for name, value in sent.items():
        if name not in {"SrcPort", "Bytes", "TimeReceived", "Flags", "IfDirections"}:
            assert same(got[name], value)
