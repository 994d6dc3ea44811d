"""The query language: what it keeps, what it refuses and where."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import Severity
from pipeline.predicate import query
from pipeline.predicate.condition import All, Compares, Equal, Not, Present
from pipeline.predicate.condition import Any as Some
from pipeline.predicate.syntax import RefusedError
from pipeline.testing import frame

CASE = Path(__file__).parents[1] / "golden" / "filter-query-matrix"


def kept(text: str, flows: list[dict[str, Any]]) -> list[object]:
    flows_frame = frame(flows)
    return flows_frame.filter(query.parse(text).expr(flows_frame.schema))["id"].to_list()


def matrix() -> list[tuple[str, list[str]]]:
    """Each query of the golden case and the flows that the original kept."""
    config = yaml.safe_load((CASE / "config.yaml").read_text())
    found = re.findall(r'q(\d+)_kept_total\{id="(.)"\} 1', (CASE / "expected.prom").read_text())
    return [
        (
            stage["transform"]["filter"]["rules"][0]["keepEntryQuery"],
            [flow for number, flow in found if f"q{number}" == stage["name"]],
        )
        for stage in config["parameters"]
        if "transform" in stage
    ]


@pytest.mark.parametrize(("text", "expected"), matrix())
def test_keeps_what_the_original_keeps(text: str, expected: list[str]) -> None:
    flows = [json.loads(line) for line in (CASE / "flows.jsonl").read_text().splitlines()]
    flows = [{k: v for k, v in flow.items() if v is not None} for flow in flows]
    flows_frame = frame(flows)
    # DstPort "443" stays a text: what a decoder makes of it is not the language's business.
    assert (
        flows_frame.filter(query.parse(text).expr(flows_frame.schema))["id"].to_list() == expected
    )


def test_a_double_beyond_an_integer_is_greater_than_every_number() -> None:
    """Go makes the least integer of it on some processors, and the greatest on others."""
    assert kept("Bytes > 7", [{"id": "a", "Bytes": 1e21}, {"id": "b", "Bytes": 7.9}]) == ["a"]
    assert kept("Bytes < 7", [{"id": "a", "Bytes": 1e21}]) == []


def test_the_tree() -> None:
    a, b, c = Present("a"), Not(Present("b")), Compares("c", ">=", 7)
    assert query.parse("with(a) and without(b) or c>=7") == All((a, Some((b, c))))
    assert query.parse("(with(a) AND Without(b)) Or c>=007") == Some((All((a, b)), c))
    assert query.parse('a="$(b):$(c)"').fields == {"a", "b", "c"}


def test_texts_are_those_of_go() -> None:
    assert query.parse(r'a="\t\x41"') == Equal("a", "\tA")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the query is empty"),
        (" \n", "the query is empty"),
        ('A="1" B="2"', 'column 7: expected "and", "or" or the end, found B'),
        ("Ns='x'", "column 4: texts are written in double quotes"),
        ("Bytes>-1", "column 7: negative numbers can't be compared with"),
        ("Bytes>1.5", "column 7: only whole numbers can be compared with"),
        ("Bytes>1e3", "column 7: only whole numbers can be compared with"),
        ("Bytes>0x1f", "column 7: expected a decimal number"),
        ("Bytes>9223372036854775808", "column 7: this number does not fit 64 bits"),
        (f"Bytes>{'9' * 5000}", "column 7: this number does not fit 64 bits"),
        ('Bytes>"1"', 'column 7: expected a whole number, found "1"'),
        ("A=~1", "column 4: expected a quoted text, found 1"),
        ("A=B", "column 3: expected a quoted text or a whole number, found B"),
        ('A=~"("', 'column 4: "(" is not a valid regular expression: missing ): ('),
        ('A=~"a(?=b)"', "RE2 has no look-around"),
        (r"A=~`(a)\1`", "RE2 has no backreferences"),
        ("A=~`(?P=x)`", "invalid perl operator: (?P"),
        (r"A=~`a\Z`", "invalid escape sequence: \\Z"),
        ('"A"="x"', 'column 1: expected a field, "with", "without" or "(", found "A"'),
        ("and=1", 'expected a field, "with"'),
        ("A=1 and", "column 8: expected a field"),
        ("(A=1", 'column 5: expected "and", "or" or ")", found the end'),
        ("with A", 'column 6: expected "(", found A'),
        ("with(1)", "column 6: expected a field, found 1"),
        ('A="x', "column 3: this text does not end"),
        ('A="x\n"', "column 3: this text does not end"),
        (r'A="\q"', r"column 3: unknown escape \q"),
        (r'A="\ud800"', r"column 3: unknown escape \ud800"),
        ("A=1 /* and", "column 5: this comment does not end"),
        ("A=1 // and B=2\nor C", "line 2, column 5: expected =~, !~"),
        ("A ; B", "column 3: unexpected ;"),
        ("(" * 51 + "A=1" + ")" * 51, "column 52: more than 50 nested levels"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        query.parse(text)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ['A in "10.0.0.0/8"', 'A not in "10.0.0.0/8"', "A =~ `^1`", 'A = "x"', "A > 1", "with(A)"],
)
@pytest.mark.parametrize("rows", [0, 2])
def test_flows_none_of_which_has_the_field(text: str, rows: int) -> None:
    flows = pl.DataFrame({"B": [1, 2]}).head(rows)
    kept = flows.filter(query.parse(text).expr(flows.schema))
    assert kept.height == (rows if "not" in text else 0)


def test_a_part_of_a_field_gets_a_hint() -> None:
    (problem,) = query.problems('NetworkEvents>Name="x"', ("query",))
    assert problem.path == ("query",)
    assert problem.hint == "a part of a field (A>B) can't be named in a query; use match"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", ["whole", "text"]),
        ("A!=1", ["fraction"]),
        ("A=2", ["fraction"]),
        ('A="1"', ["text"]),
        ('A="$(B)"', ["whole", "list"]),
        ('A!="$(B)"', ["fraction", "text", "none", "null"]),
        ("with(A)", ["whole", "fraction", "text", "list", "null"]),
        ('A=~"^1$"', ["whole", "text"]),
        ('A!~"1"', ["fraction", "none", "null"]),
    ],
)
def test_values_of_every_kind(text: str, expected: list[str]) -> None:
    flows: list[dict[str, Any]] = [
        {"id": "whole", "A": 1, "B": "1"},
        {"id": "fraction", "A": 2.9},
        {"id": "text", "A": "1", "B": 2},
        {"id": "none"},
        {"id": "list", "A": ["1", 2], "B": "[1 2]"},
        {"id": "null", "A": None},
    ]
    assert kept(text, flows) == expected


def test_a_field_that_no_flow_has() -> None:
    flows: list[dict[str, Any]] = [{"id": "x"}, {"id": "y"}]
    assert kept('without(A) and A!="x" and A!~"x"', flows) == ["x", "y"]
    assert kept('with(A) or A="" or A!=0 or A=~""', flows) == []


ADDRESSES: list[dict[str, Any]] = [
    {"id": "v4", "SrcAddr": "10.1.2.3"},
    {"id": "mapped", "SrcAddr": "::ffff:10.1.2.4"},
    {"id": "outside", "SrcAddr": "11.0.0.1"},
    {"id": "v6", "SrcAddr": "FD00::1"},
    {"id": "text", "SrcAddr": "10.1.2.3.4"},
    {"id": "number", "SrcAddr": 10},
    {"id": "none"},
    {"id": "null", "SrcAddr": None},
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('SrcAddr in "10.0.0.0/8"', ["v4", "mapped"]),
        ("SrcAddr IN `10.1.2.3/32`", ["v4"]),
        ('SrcAddr in "::ffff:10.0.0.0/104"', ["v4", "mapped"]),
        ('SrcAddr in "fd00::/8"', ["v6"]),
        ('SrcAddr in "0.0.0.0/0"', ["v4", "mapped", "outside"]),
        ('SrcAddr not in "10.0.0.0/8"', ["outside", "v6", "text", "number", "none", "null"]),
        ('with(SrcAddr) and SrcAddr not in "10.0.0.0/8" or id = "v4"', ["v4", "outside", "v6"]),
    ],
)
def test_networks(text: str, expected: list[str]) -> None:
    """In any form of an address; a negation also holds where there is none, as others do."""
    assert set(expected) <= set(kept(text, ADDRESSES))
    if "with(" not in text:
        assert kept(text, ADDRESSES) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('A in "10.0.0.0/33"', 'column 6: "10.0.0.0/33" is not a valid CIDR', ""),
        ('A in "10.0.0.1"', 'column 6: "10.0.0.1" is not a valid CIDR', 'write "10.0.0.1/32"'),
        ('A in "::1"', 'column 6: "::1" is not a valid CIDR', 'write "::1/128"'),
        ("A in 10", "column 6: expected a quoted CIDR, found 10", ""),
        ('A not "x"', 'column 7: expected "in", found "x"', ""),
    ],
)
def test_what_is_not_a_network(text: str, message: str, hint: str) -> None:
    (problem,) = [p for p in query.problems(text, ()) if p.severity is Severity.ERROR]
    assert (problem.message, problem.hint) == (message, hint)


OPERATORS = "and OR in not with without ( ) = != =~ !~ > <="
OPERANDS = """A Bytes 7 1.5 - "x" "10.0.0.0/8" "(" `y` 'z' /* */ // " \\ é $(A)"""
WORDS = st.sampled_from([*OPERATORS.split(), *OPERANDS.split(), "\n"])


@given(st.lists(WORDS | st.text(max_size=3), max_size=12).map(" ".join) | st.text(max_size=30))
def test_any_text_is_a_query_or_a_problem(text: str) -> None:
    problems = [p for p in query.problems(text, ()) if p.severity is Severity.ERROR]
    if not problems:
        flows = pl.DataFrame({"A": ["x"], "Bytes": [1]})
        result = flows.select(query.parse(text).expr(flows.schema).alias("kept"))
        assert result["kept"].null_count() == 0
