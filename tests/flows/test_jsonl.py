"""Flows as JSON text."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decode.json import decoder
from pipeline.flows.jsonl import json_lines
from pipeline.flows.values import overflow
from pipeline.stage import BuildContext

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["A", "Bytes", "DstPort", "Flags", "IfDirections"]
PLAIN = r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?"
EXPONENT = r"-?[1-9](\.[0-9]*[1-9])?e(\+[1-9][0-9]+|-[1-9][0-9]*)"


def written(*flows: Mapping[str, object]) -> list[str]:
    """What flows of JSON are written as, after one batch of the decoder."""
    decoded = decoder(BuildContext(clock=lambda: 0.0))([msgspec.json.encode(f) for f in flows])
    assert decoded.rejected == []
    return json_lines(decoded.flows.drop("TimeReceived"))


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


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.8446744073709552e19, "18446744073709552000"),
        (123456789012345680000.0, "123456789012345680000"),
        (999999999999999900000.0, "999999999999999900000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (1e-6, "0.000001"),
        (-2.5e-6, "-0.0000025"),
        (9.5e-7, "9.5e-7"),
        (5e-324, "5e-324"),
        (-0.0, "-0"),
        (2**53 + 1, "9007199254740992"),
        (10**20, "100000000000000000000"),
        (10**22, "1e+22"),
    ],
)
def test_a_number_has_one_spelling(number: float, text: str) -> None:
    """The same alone, among numbers, beside any other values, and inside lists and objects."""
    first = f'{{"A":{text}}}'
    for other in (0.0, "x", True, ["y"], [1], {"k": 1}):
        flows: list[dict[str, object]] = [{"A": number}, {"A": other}, {"A": other}, {"A": other}]
        assert written(*flows)[0] == first
    nested = written({"A": [number, {"k": number}]})
    assert nested == [f'{{"A":[{text},{{"k":{text}}}]}}']


@given(FINITE)
def test_doubles_are_written_as_go_does(number: float) -> None:
    """The shortest digits that give the double again, with an exponent only where Go has one."""
    (line,) = written({"A": number})
    text = line.removeprefix('{"A":').removesuffix("}")
    exponent = number != 0 and not 1e-6 <= abs(number) < 1e21
    assert re.fullmatch(EXPONENT if exponent else PLAIN, text)
    assert repr(float(text)) == repr(number)
    digits, shortest = (Decimal(t).normalize().as_tuple().digits for t in (text, repr(number)))
    assert digits == shortest


@given(st.lists(VALUES, min_size=1, max_size=5), st.sampled_from(NAMES))
def test_what_stands_beside_a_value_does_not_change_it(beside: list[object], name: str) -> None:
    """Whatever the batch makes of the column: a flow is written as it is when alone."""
    flows = [{name: value} for value in beside]
    assert written(*flows) == [line for flow in flows for line in written(flow)]


def test_nested_values_are_written_as_go_does() -> None:
    """Numbers as on the top, keys sorted, in lists of the agent's events too."""
    flow = {"A": {"b": [2.0, 1e2, -0.0, 1e-7], "a": {"d": 1, "c": None}}}
    assert written(flow) == ['{"A":{"a":{"c":null,"d":1},"b":[2,100,-0,1e-7]}}']
    events = {"NetworkEvents": [{"Type": "acl", "Action": "drop", "A": "x"}]}
    (line,) = written(events)
    assert line == json.dumps(events, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("name", ["A", "Bytes", "TimeFlowEndMs"])
def test_an_integer_beyond_a_double_has_the_digits_of_the_double(name: str) -> None:
    """In a field of any type, also in one of 64 bits."""
    assert written({name: 2**60 + 1}) == [f'{{"{name}":1152921504606847000}}']


def test_an_integer_minus_zero_is_zero() -> None:
    decoded = decoder(BuildContext(clock=lambda: 0.0))([b'{"A":-0}', b'{"A":-0.0}'])
    assert json_lines(decoded.flows.drop("TimeReceived")) == ['{"A":0}', '{"A":-0}']


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.text() | st.integers(0, 9)),
        max_size=5,
    )
)
def test_commas_stand_between_the_fields_that_a_flow_has(flows: list[dict[str, object]]) -> None:
    """Whichever fields all flows of a batch have, and whatever their texts escape."""
    expected = [
        json.dumps(f, sort_keys=True, separators=(",", ":"), ensure_ascii=False) for f in flows
    ]
    assert [json.loads(line) for line in written(*flows)] == flows
    assert [line.count(",") for line in written(*flows)] == [line.count(",") for line in expected]


@pytest.mark.parametrize(
    "character", [chr(code) for code in (*range(0x21), 0x22, 0x5C, 0x7F, 0x2028)]
)
def test_a_character_is_escaped_where_json_asks_for_it(character: str) -> None:
    """In a column whose other texts have none."""
    flows = pl.DataFrame({"A": ["x", f"x{character}y"]})
    assert [json.loads(line) for line in json_lines(flows)] == [{"A": "x"}, {"A": f"x{character}y"}]
    assert ("\\" in json_lines(flows)[1]) is (character < " " or character in '"\\')
