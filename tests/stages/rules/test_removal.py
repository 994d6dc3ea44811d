"""Rules that filter flows (docs/reference/transforms.md#filter-rules)."""

from __future__ import annotations

import pytest

from pipeline.testing import Flow, run
from tests.stages.rules.given import EXISTS, MIXED, NO_BYTES, applied, golden, kept, stage

CASES: dict[str, list[Flow]] = {
    "filter-remove-all-satisfied-empty": [{"type": "remove_entry_all_satisfied", "rules": []}],
    "filter-remove-entry-if-doesnt-exist": [
        {"type": "remove_entry_if_doesnt_exist", "input": "SrcK8S_Namespace"}
    ],
    "filter-remove-entry-if-equal-bool": [
        {"type": "remove_entry_if_equal", "input": "Ok", "value": False},
        {"type": "remove_entry_if_equal", "input": "Flags", "value": "SYN"},
    ],
    "filter-remove-entry-if-equal-string": [
        {"type": "remove_entry_if_equal", "input": "Proto", "value": "6"}
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_gives_what_the_original_gives(case: str) -> None:
    found, expected = golden(case, CASES[case])
    assert found == expected


@pytest.mark.parametrize(
    ("value", "equal", "different"),
    [
        (6, [1], [2, 3]),
        (6.0, [1], [2, 3]),
        ("6", [2], [1, 3]),
        (True, [], [1, 2, 3]),
        (None, [], [1, 2, 3]),
        ([6], [], [1, 2, 3]),
    ],
)
def test_equality_is_of_kind_and_value(
    value: object, equal: list[int], different: list[int]
) -> None:
    of_value = {"input": "Proto", "value": value}
    gone = kept({"type": "remove_entry_if_equal", **of_value})
    assert gone == [flow["id"] for flow in MIXED if flow["id"] not in equal]
    gone = kept({"type": "remove_entry_if_not_equal", **of_value})
    assert gone == [flow["id"] for flow in MIXED if flow["id"] not in different]


@pytest.mark.parametrize(
    ("written", "value", "same"),
    [
        ([1, {"b": 2, "a": 1}], [1.0, {"a": 1.0, "b": 2}], True),
        (["SYN"], ["SYN"], True),
        (["SYN"], ["ACK"], False),
        ([], [], True),
        (None, None, True),
        (None, 0, False),
        ({}, [], False),
    ],
)
@pytest.mark.parametrize("name", ["A", "Interfaces"])
def test_lists_and_objects_compare_by_content(
    name: str, written: object, value: object, *, same: bool
) -> None:
    rule = {"type": "remove_entry_if_equal", "input": name, "value": value}
    assert (applied({name: written}, rule) is None) is same


def test_cast_int_cuts_the_fraction() -> None:
    rule = {"type": "remove_entry_if_equal", "input": "FlowDirection", "value": 1.9}
    assert applied({"FlowDirection": 1}, rule | {"cast_int": True}) is None
    assert applied({"FlowDirection": 1}, rule) == {"FlowDirection": 1}


def test_all_satisfied() -> None:
    assert kept(EXISTS) == [1, 2, 4]
    assert kept(NO_BYTES) == [1, 2, 4]
    assert kept({"type": "remove_entry_all_satisfied", "rules": [EXISTS, NO_BYTES]}) == [1, 2, 4]
    equal = {"type": "remove_entry_if_equal", "input": "Ok", "value": True}
    assert kept({"type": "remove_entry_all_satisfied", "rules": [EXISTS, equal]}) == [1, 2, 3, 4]


def test_conditional_sampling() -> None:
    has_a = {"type": "remove_entry_if_exists", "input": "A"}
    has_b = {"type": "remove_entry_if_exists", "input": "B"}
    rule = {
        "type": "conditional_sampling",
        "samples": [
            {"value": 4, "rules": [has_a]},
            {"value": 0, "rules": [has_a, has_b]},
            {"value": 2, "rules": [has_b]},
        ],
    }
    flows: list[Flow] = [{"A": 1}, {"A": 1, "B": 1}, {"B": 1}, {}] * 800
    found = run(stage(rule), flows)
    assert 150 < found.count({"A": 1}) < 250
    assert 150 < found.count({"A": 1, "B": 1}) < 250
    assert 330 < found.count({"B": 1}) < 470
    assert found.count({}) == 800


def test_a_null_is_present() -> None:
    assert applied({"Flags": None}, EXISTS) is None
    assert applied({"Bytes": None}, NO_BYTES) == {"Bytes": None}
