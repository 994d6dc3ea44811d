"""Rules that write fields and labels (docs/reference/transforms.md#filter-rules)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.diagnostics import Severity
from pipeline.testing import Flow, run
from tests.stages.rules.given import SAME, add_if, applied, golden, stage

CASES: dict[str, list[Flow]] = {
    "filter-add-field": [
        {"type": "add_field", "input": "Cluster", "value": "c1"},
        {"type": "add_field", "input": "Bytes", "value": 7},
        {"type": "add_field", "input": "L", "value": ["a", 1]},
        {"type": "add_field", "input": "N"},
        {"type": "add_field", "input": "I", "value": 3.9},
    ],
    "filter-add-field-if": [
        add_if("DstPort", "Https", "== 443"),
        add_if("Bytes", "Size", "> 10", "big"),
        add_if("SrcK8S_Namespace", "Shop", '== "shop"', "yes"),
        add_if("Proto", "L4", "in (6, 17)", "l4"),
        add_if("SrcK8S_Namespace", "Re", '=~ "^(shop|data)$"', "re"),
        add_if("Bytes", "Rng", ">= 10 && val < 11"),
        add_if("NoSuch", "Null", "== nil", "x"),
        add_if("NoSuch", "NotSeven", "!= 7", "x"),
        add_if("Ok", "Yes", "== true", "ok"),
        add_if("Bytes", "Bad", "=== )"),
    ],
    "filter-add-label": [{"type": "add_label", "input": "env", "value": "prod"}],
    "filter-add-label-typed": [{"type": "add_label", "input": "n", "value": 12}],
    "filter-add-regex-if": [
        {
            "type": "add_regex_if",
            "input": "SrcK8S_Namespace",
            "output": "Match",
            "expression": "sh|<",
        },
        {"type": "add_regex_if", "input": "DstPort", "output": "Https", "expression": "^443$"},
        {"type": "add_regex_if", "input": "DstPort", "output": "Bad", "expression": "("},
    ],
    "filter-remove-field": [
        {"type": "remove_field", "input": "Bytes"},
        {"type": "remove_field", "input": "NoSuch"},
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_gives_what_the_original_gives(case: str) -> None:
    found, expected = golden(case, CASES[case])
    assert found == expected


def test_labels_are_collected_in_the_order_of_the_rules() -> None:
    rules: list[Flow] = [
        {"type": "add_label", "input": "b", "value": "1"},
        {
            "type": "add_label_if",
            "input": "Proto",
            "output": "a",
            "expression": "== 6",
            "assignee": "tcp",
        },
        {
            "type": "add_label_if",
            "input": "Proto",
            "output": "b",
            "expression": "== 17",
            "assignee": "",
        },
        {"type": "add_label_if", "input": "Proto", "output": "c", "expression": "== "},
    ]
    assert applied({"Proto": 6, "labels": "old"}, *rules) == {"Proto": 6, "labels": "b=1,a=tcp"}
    assert applied({"Proto": 17}, *rules) == {"Proto": 17, "labels": "b="}
    assert applied({"labels": "old"}, rules[1]) == {"labels": "old"}
    assert applied({}, {"type": "add_label", "input": "l", "value": [1e6, None]}) == {
        "labels": "l=[1e+06 <nil>]"
    }


def test_add_field_if_absent_leaves_a_null() -> None:
    rule = {"type": "add_field_if_doesnt_exist", "input": "Proto", "value": "tcp"}
    flows: list[Flow] = [{}, {"Proto": 17}, {"Proto": None}, {"Proto": "x"}]
    assert run(stage(rule), flows) == [{"Proto": "tcp"}, *flows[1:]]


@pytest.mark.parametrize("value", [6, "x", True, [1], None])
def test_add_field_if_copies_any_value(value: object) -> None:
    flow = {"A": value, "B": 1.5}
    written = {"B": value, "B_Evaluate": True}
    assert applied(flow, add_if("A", "B", '!= "none"')) == {"A": value} | written
    assert applied({"B": 1.5}, add_if("A", "B", "!= 7")) == {"B": None, "B_Evaluate": True}


@pytest.mark.parametrize("expression", ["+ 1", "- 1 * 2", "> ", "== nil"])
def test_an_expression_that_can_not_be_used_skips_the_rule(expression: str) -> None:
    rules = stage(add_if("Bytes", "X", expression))
    assert run(rules, [{"Bytes": 5}]) == [{"Bytes": 5}]
    (problem,) = rules.check(Path())
    assert problem.path == ("rules", 0, "expression")
    assert problem.severity is Severity.WARNING


def test_a_regex_is_searched_in_the_text_of_any_value() -> None:
    """`output` gets the value, not its text; an absent field reads `<nil>`."""
    rule = {"type": "add_regex_if", "input": "A", "output": "B", "expression": "^4|nil"}
    assert applied({"A": 443}, rule) == {"A": 443, "B": 443, "B_Matched": True}
    assert applied({"A": "x4"}, rule) == {"A": "x4"}
    assert applied({}, rule) == {"B": None, "B_Matched": True}


def test_a_field_is_removed_with_the_values_of_another_type() -> None:
    rule = {"type": "remove_field", "input": "Proto"}
    flows: list[Flow] = [{"Proto": 6, "A": 1}, {"Proto": "tcp"}, {"Proto": None}, {}]
    assert run(stage(rule), flows) == [{"A": 1}, {}, {}, {}]


def test_an_expression_knows_every_form_of_an_address() -> None:
    got = run(stage(add_if("SrcAddr", "Match", '== "FD00::A"')), SAME)
    assert ["Match" in one for one in got] == [True, True, False, False, False]
    got = run(stage(add_if("SrcAddr", "Match", 'in ("10.0.0.9", "x")')), SAME)
    assert ["Match" in one for one in got] == [False, False, True, True, False]
