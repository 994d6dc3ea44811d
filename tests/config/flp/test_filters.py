from __future__ import annotations

from typing import Any

from pipeline.yaml import validate
from stages.rules.stage import Rules
from tests.config.flp.given import START, refused, stages, translated


def rules(text: str) -> list[dict[str, Any]]:
    (stage,) = stages(f"transform: {{type: filter, filter: {{rules: [{text}]}}}}")
    assert (stage["name"], stage["type"], stage["follows"]) == ("s", "rules", "in")
    assert list(validate.problems(stage, Rules)) == []
    found: list[dict[str, Any]] = stage["rules"]
    return found


def test_rules_that_remove() -> None:
    assert rules(
        "{type: remove_field, removeField: {input: A, value: 1}},"
        "{type: remove_entry_if_exists, removeEntry: {input: B, value: 2}},"
        "{type: remove_entry_if_doesnt_exist, removeEntry: {input: C}},"
        "{type: remove_entry_if_equal, removeEntry: {input: D, value: 1, castInt: true}},"
        "{type: remove_entry_if_not_equal, removeEntry: {input: E, value: [a, 1]}}"
    ) == [
        {"type": "remove_field", "input": "A"},
        {"type": "remove_entry_if_exists", "input": "B"},
        {"type": "remove_entry_if_doesnt_exist", "input": "C"},
        {"type": "remove_entry_if_equal", "input": "D", "value": 1, "cast_int": True},
        {"type": "remove_entry_if_not_equal", "input": "E", "value": ["a", 1]},
    ]


def test_rules_that_add() -> None:
    assert rules(
        "{type: add_field, addField: {input: A, value: 3.9, castInt: true}},"
        "{type: add_field_if_doesnt_exist, addFieldIfDoesntExist: {input: B, value: x}},"
        "{type: add_field_if, addFieldIf: {input: C, output: D, parameters: '> 1', assignee: y}},"
        "{type: add_regex_if, addRegexIf: {input: E, output: F, parameters: z, assignee: q}},"
        "{type: add_label, addLabel: {input: G, value: 12}},"
        "{type: add_label_if, addLabelIf: {input: H, output: I, parameters: '== 2', assignee: w}}"
    ) == [
        {"type": "add_field", "input": "A", "value": 3.9},
        {"type": "add_field_if_doesnt_exist", "input": "B", "value": "x"},
        {
            "type": "add_field_if",
            "input": "C",
            "output": "D",
            "expression": "> 1",
            "assignee": "y",
        },
        {"type": "add_regex_if", "input": "E", "output": "F", "expression": "z"},
        {"type": "add_label", "input": "G", "value": 12},
        {
            "type": "add_label_if",
            "input": "H",
            "output": "I",
            "expression": "== 2",
            "assignee": "w",
        },
    ]


def test_rules_with_lists_and_queries() -> None:
    removal = "{type: remove_entry_if_equal, removeEntry: {input: A, value: 1}}"
    native = {"type": "remove_entry_if_equal", "input": "A", "value": 1}
    assert rules(
        f"{{type: remove_entry_all_satisfied, removeEntryAllSatisfied: [{removal}]}},"
        "{type: remove_entry_all_satisfied},"
        f"{{type: conditional_sampling, conditionalSampling: [{{value: 5, rules: [{removal}]}}]}},"
        "{type: keep_entry_query, keepEntryQuery: Proto=6, keepEntrySampling: 10}"
    ) == [
        {"type": "remove_entry_all_satisfied", "rules": [native]},
        {"type": "remove_entry_all_satisfied", "rules": []},
        {"type": "conditional_sampling", "samples": [{"value": 5, "rules": [native]}]},
        {"type": "keep_entry_query", "query": "Proto=6", "sampling": 10},
    ]


def test_no_rules_and_the_sampling_field() -> None:
    (stage,) = stages("transform: {type: filter, filter: {samplingField: Sampling}}")
    assert (stage["rules"], stage["sampling_field"]) == ([], "Sampling")


def test_refused_rules() -> None:
    text = (
        "{type: remove_fields}, {type: add_label, addField: {input: a}},"
        "{type: remove_entry_all_satisfied, removeEntryAllSatisfied:"
        " [{type: remove_field}, {type: remove_entry_if_exists}]},"
        "{type: conditional_sampling, conditionalSampling: [{rules: [{type: remove_entry}]}]}"
    )
    others = "remove_entry_if_doesnt_exist, remove_entry_if_equal, remove_entry_if_not_equal"
    assert refused(f"transform: {{type: filter, filter: {{rules: [{text}]}}}}") == [
        ('unknown rule type "remove_fields"', 'did you mean "remove_field"?'),
        ('the rule add_label needs "addLabel"', ""),
        ('unknown rule type "remove_field"', f"one of remove_entry_if_exists, {others}"),
        ('the rule remove_entry_if_exists needs "removeEntry"', ""),
        ('unknown rule type "remove_entry"', 'did you mean "remove_entry_if_equal"?'),
    ]


def test_parts_of_rules_point_at_where_they_were_written() -> None:
    text = "{type: nope}, {type: keep_entry_query, keepEntryQuery: x}"
    translation = translated(
        f"{START}- {{name: s, transform: {{type: filter, filter: {{rules: [{text}]}}}}}}\n"
    )
    at = ("parameters", 1, "transform", "filter", "rules", 1)
    assert translation.stages[1]["rules"] == [{"type": "keep_entry_query", "query": "x"}]
    assert translation.origins["stages", 1, "rules", 0, "query"] == (*at, "keepEntryQuery")
