"""Read many at a time or one by one, JSON gives the same flows, rejected payloads and counts."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.decode import json_rows
from pipeline.decode.json import decoder
from pipeline.decode.objects import MAX_BYTES
from pipeline.decode.typed_json import reader
from pipeline.flows.jsonl import json_lines
from pipeline.stage import BuildContext

NUMBERS = """
0 -0 -0.0 1 443 65535 65536 -1 1.0 1.5 4.43e2 1E2 1e+2 1e-2 9007199254740992 9007199254740993
-9007199254740993 9223372036854775807 9223372036854775808 18446744073709551615 1e22 123456e-3
18446744073709551616 1e308 99e307 1e309 99e308 -99e308 1e0309 5e-324 1e-400 1e99 01 1. .5 +1
- 1e 1e+ 0x10 1_0 NaN Infinity -Infinity Inf nan inf 1e308.5 1.5e3e4
"""
LONG = ["9" * digits for digits in (199, 200, 308, 309, 400)]
LONG += ["1" + "0" * 250 + "e99", "0." + "1" * 300]
TEXTS = r"""
"" "a" "443" "4.43e2" "nan" "NaN" "Infinity" "é" "\n" "\u0041" "\ud800" "\udc00x" "\x" " "\
"\ud83d\ude00" "\/" "\\u0041" "*" "^a$" "\u0000" "02:7b:3e:1e:10:5e" "2001:5e100::1" "{"
"3e123aaa" "[1e999]" "}{" "2020-01-01"
"""
SPACED = ['"\U0001f600"', '"a\tb"', '"\x7f"', '"' + "9" * 250 + '"', "", " "]
WORDS = "null true false nul True [] {} [ { [1,] {,}"
NAMES = r"""
"Bytes" "SrcPort" "SrcAddr" "TimeReceived" "IfDirections" "Interfaces" "Flags" "x" "y" "" "b"
"NetworkEvents" "*" "^a$" "^a" "\u001fBytes" "B\u0079tes" "\ud800" "\u002a" "a*" Bytes 'x'
"TimeFlowEndMs"
"""
KEYS = st.sampled_from(NAMES.split())
SPACES = st.sampled_from(["", "", "", " ", "\t", "\r", "\n", "\x0b", "\x00", "\ufeff", "\x85"])
SCALARS = st.sampled_from([*LONG, *SPACED, *f"{NUMBERS} {TEXTS} {WORDS}".split()])


def lists(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(items, max_size=3).map(lambda texts: f"[{','.join(texts)}]")


PAIRS = st.tuples(KEYS, SCALARS)
OBJECTS = st.lists(PAIRS.map(":".join), max_size=2).map(lambda pairs: f"{{{','.join(pairs)}}}")
FIELDS = st.tuples(KEYS, SCALARS | lists(SCALARS) | OBJECTS | lists(OBJECTS))
GOOD = st.sampled_from(
    [b'{"Bytes":1}', b'{"x":1}', b'{"x":"a"}', b'{"b":true,"Interfaces":["a"]}', b"{}"]
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """An object as text: of any keys, also twice, with spaces, and sometimes cut."""
    space = draw(SPACES)
    pairs = [f"{key}:{space}{value}" for key, value in draw(st.lists(FIELDS, max_size=4))]
    text = f"{{{space}{f',{space}'.join(pairs)}{space}}}{space}"
    odd = [text + text, text[:-1], text[1:], f"[{text}]", f"{text}\n{text}", f"{text}x"]
    return draw(st.sampled_from([text] * 6 + odd)).encode()


PAYLOADS = st.lists(GOOD | lines() | st.binary(max_size=8), max_size=8)
CONTEXTS = [
    BuildContext(clock=lambda: 7.0),
    BuildContext(clock=lambda: 7.0, needed=frozenset({"Bytes", "SrcAddr", "IfDirections", "x"})),
]


def outcome(decoded: Any) -> tuple[list[str], list[tuple[int, str]], int]:
    return json_lines(decoded.flows), decoded.rejected, decoded.coerced


@pytest.mark.parametrize("context", CONTEXTS, ids=["all fields", "some fields"])
@settings(max_examples=150)
@given(PAYLOADS, PAYLOADS)
def test_both_ways_give_the_same(
    context: BuildContext, first: list[bytes], then: list[bytes]
) -> None:
    """Also with types that were learned from other flows."""
    decode = decoder(context, few=0)
    for payloads in (first, first, then, then):
        assert outcome(decode(payloads)) == outcome(json_rows.read(payloads, context, MAX_BYTES))


def test_odd_payloads_alone_are_left_to_be_read_one_by_one() -> None:
    """Many with another type in one field, and a few that are malformed: the others are read."""
    payloads = [b'{"SrcPort":%d,"Interfaces":["a"]}' % number for number in range(3_000)]
    for place in range(0, 3_000, 7):
        payloads[place] = b'{"Interfaces":["a"],"SrcPort":"443"}'
    for place, payload in ODD.items():
        payloads[place] = payload
    types = {"SrcPort": pl.UInt16(), "Interfaces": pl.List(pl.String())}
    for whole in (False, True):
        flows, places = reader(types, whole=whole)(payloads, MAX_BYTES)
        left = set(range(0, 3_000, 7)) | ODD.keys()
        assert places.tolist() == [place for place in range(3_000) if place not in left]
        assert flows["SrcPort"].to_list() == places.tolist()
        assert flows.schema == types


ODD = {
    1_000: b'{"SrcPort":}',
    1_001: b"{}x}",
    1_002: b'{"SrcPort":1.5}',
    1_003: b'{"Interfaces":[null]}',
    1_004: b'{"Interfaces":[1]}',
    1_006: b'{"SrcPort":65536}',
    1_007: b'{"SrcPort":1e5}',
    1_009: b'{"Interfaces":["\xff"]}',
    1_010: b"",
    1_011: b'{"SrcPort":null,"SrcPort":' + b"9" * 400 + b"}",
}


def test_integers_may_be_written_as_doubles() -> None:
    payloads = [b'{"SrcPort":443.0}', b'{"SrcPort":4.43e2}', b'{"SrcPort":-0.0}', b"{}"]
    flows, places = reader({"SrcPort": pl.UInt16()}, whole=True)(payloads, MAX_BYTES)
    assert flows["SrcPort"].to_list() == [443, 443, 0, None]
    assert places.tolist() == [0, 1, 2, 3]


def test_the_last_of_two_fields_counts() -> None:
    read = reader({"SrcPort": pl.UInt16()}, whole=True)
    assert read([b'{"SrcPort":1,"SrcPort":2}'], MAX_BYTES)[0].rows() == [(2,)]


def test_a_field_without_a_type() -> None:
    """Passed over, or the whole is not read."""
    payloads, types = [b'{"x":1,"b":true}'], {"b": pl.Boolean()}
    assert reader(types, whole=False)(payloads, MAX_BYTES)[0].rows() == [(True,)]
    assert reader(types, whole=True)(payloads, MAX_BYTES)[0].rows() == []


def test_a_limit_of_bytes() -> None:
    read = reader({"a": pl.Float64()}, whole=False)
    assert read([b'{"a":1}', b'{"a":12}'], 7)[1].tolist() == [0]


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\tb", "a\ufffdb"])
def test_names_that_a_struct_cannot_have(name: str) -> None:
    """All is left to be read one by one; bytes that are not UTF-8 may be read as such a name."""
    flows, places = reader({name: pl.Float64()}, whole=False)([b"{}"], MAX_BYTES)
    assert (flows.height, places.tolist(), flows.columns) == (0, [], [name])


def test_a_field_of_the_catalogue_that_comes_later() -> None:
    """Where every field is read, those of the flows so far are read quickly, others soon."""
    decode = decoder(BuildContext(clock=lambda: 7.0), few=0)
    cases: list[tuple[bytes, dict[str, object]]] = [
        (b'{"Bytes":1}', {"Bytes": 1, "TimeReceived": 7}),
        (b'{"Bytes":1,"DnsId":5}', {"Bytes": 1, "DnsId": 5, "TimeReceived": 7}),
        (b'{"DnsId":5,"new":"x"}', {"DnsId": 5, "new": "x", "TimeReceived": 7}),
    ]
    for payload, flow in cases:
        for _ in range(3):
            assert decode([payload] * 3).flows.select(list(flow)).to_dicts() == [flow] * 3
