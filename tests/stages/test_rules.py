from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import Severity
from pipeline.stage import BuildContext
from stages.rules.stage import AnyRule, Rules
from tests.support.flows import Flow, assert_laws, frame, run

GOLDEN = Path(__file__).parents[1] / "golden"

MIXED: list[Flow] = [
    {"id": 1, "Proto": 6, "DstPort": 443, "SrcK8S_Namespace": "shop", "Bytes": 10, "Ok": True},
    {"id": 2, "Proto": "6", "DstPort": "443", "SrcK8S_Namespace": "", "Bytes": "10"},
    {"id": 3, "Proto": 17, "SrcK8S_Namespace": "data", "Flags": ["SYN"], "Ok": False},
    {"id": 4, "Bytes": 10.5},
]


def stage(*rules: Flow, sampling_field: str = "") -> Rules:
    """A stage of rules as YAML writes them."""
    made = msgspec.convert(list(rules), list[AnyRule])
    return Rules(name="r", rules=made, sampling_field=sampling_field)


def applied(flow: Flow, *rules: Flow) -> Flow | None:
    """What becomes of one flow; None when it is dropped."""
    return next(iter(run(stage(*rules), [flow])), None)


def kept(*rules: Flow, flows: list[Flow] = MIXED) -> list[int]:
    return [flow["id"] for flow in run(stage(*rules), flows)]


def golden(case: str, name: str) -> list[Flow]:
    lines = (GOLDEN / case / name).read_text().splitlines()
    return [json.loads(line) for line in lines]


def add_if(rule_input: str, output: str, expression: str, assignee: str = "") -> Flow:
    return {
        "type": "add_field_if",
        "input": rule_input,
        "output": output,
        "expression": expression,
        "assignee": assignee,
    }


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
    "filter-empty-rules": [],
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
    "filter-remove-field": [
        {"type": "remove_field", "input": "Bytes"},
        {"type": "remove_field", "input": "NoSuch"},
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_gives_what_the_original_gives(case: str) -> None:
    flows = [
        {name: value for name, value in flow.items() if value is not None}
        for flow in golden(case, "flows.jsonl")
    ]
    assert run(stage(*CASES[case]), flows) == golden(case, "expected.jsonl")


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


EXISTS = {"type": "remove_entry_if_exists", "input": "Flags"}
NO_BYTES = {"type": "remove_entry_if_doesnt_exist", "input": "Bytes"}


def test_all_satisfied() -> None:
    assert kept(EXISTS) == [1, 2, 4]
    assert kept(NO_BYTES) == [1, 2, 4]
    assert kept({"type": "remove_entry_all_satisfied", "rules": [EXISTS, NO_BYTES]}) == [1, 2, 4]
    equal = {"type": "remove_entry_if_equal", "input": "Ok", "value": True}
    assert kept({"type": "remove_entry_all_satisfied", "rules": [EXISTS, equal]}) == [1, 2, 3, 4]


def test_rules_see_what_the_rules_before_them_wrote() -> None:
    add = {"type": "add_field", "input": "A", "value": 1}
    drop = {"type": "remove_entry_if_exists", "input": "A"}
    assert applied({}, add, drop) is None
    assert applied({}, drop, add) == {"A": 1}


def test_keep_queries_come_first_wherever_they_stand() -> None:
    add = {"type": "add_field", "input": "A", "value": 1}
    keep = {"type": "keep_entry_query", "query": "with(A)"}
    assert applied({}, add, keep) is None
    assert applied({"A": 2}, add, keep) == {"A": 1}


def test_any_keep_query_keeps() -> None:
    first = {"type": "keep_entry_query", "query": "DstPort=443 and Proto=6"}
    second = {"type": "keep_entry_query", "query": "Bytes=10"}
    assert kept(first, second) == [1, 2, 4]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"Sampling": 5}),
        ({"Sampling": 0}, {"Sampling": 5}),
        ({"Sampling": 50}, {"Sampling": 250}),
        ({"Sampling": "7"}, {"Sampling": 35}),
        ({"Sampling": 2.9}, {"Sampling": 10}),
        ({"Sampling": "many"}, {"Sampling": "many"}),
        ({"Sampling": 2**31}, {"Sampling": 5 * 2**31}),
    ],
)
def test_the_interval_goes_into_the_sampling_field(before: Flow, after: Flow) -> None:
    keep = {"type": "keep_entry_query", "query": 'with(A) or A="x"', "sampling": 5}
    flows = [{"A": "x"} | before] * 400
    found = run(stage(keep, sampling_field="Sampling"), flows)
    assert found == [{"A": "x"} | after] * len(found)
    assert 50 < len(found) < 110


def test_without_sampling_the_field_is_left() -> None:
    keep = {"type": "keep_entry_query", "query": "with(A)"}
    one = {"type": "keep_entry_query", "query": "with(B)", "sampling": 1}
    flows = [{"A": 1, "Sampling": 0}, {"A": 1}, {"B": 1, "Sampling": 0}]
    assert run(stage(keep, one, sampling_field="Sampling"), flows) == [
        {"A": 1, "Sampling": 0},
        {"A": 1},
        {"B": 1, "Sampling": 1},
    ]


def test_a_flow_that_is_sampled_out_is_left_to_the_next_query() -> None:
    rare = {"type": "keep_entry_query", "query": "with(A)", "sampling": 4}
    rest = {"type": "keep_entry_query", "query": "with(A)", "sampling": 2}
    found = run(stage(rare, rest, sampling_field="Sampling"), [{"A": 1}] * 1600)
    by = [flow["Sampling"] for flow in found]
    assert 330 < by.count(4) < 470
    assert 520 < by.count(2) < 680


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


def test_sampling_depends_on_the_seed_alone() -> None:
    rules = stage({"type": "keep_entry_query", "query": "with(n)", "sampling": 3})
    flows = [{"n": number} for number in range(200)]
    assert run(rules, flows, seed=1) == run(rules, flows, seed=1)
    assert run(rules, flows, seed=1) != run(rules, flows, seed=2)


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


def test_check() -> None:
    rules = stage(
        {"type": "keep_entry_query", "query": "A>", "sampling": -1},
        {"type": "remove_entry_if_exists", "input": "DstPrt"},
        {"type": "remove_entry_all_satisfied", "rules": [EXISTS, EXISTS | {"input": "Flgs"}]},
        {"type": "conditional_sampling", "samples": [{"value": -1, "rules": [EXISTS]}]},
        {"type": "add_regex_if", "input": "Proto", "output": "X", "expression": "("},
        {"type": "add_field", "input": "Whatever", "value": 1},
    )
    found = [(p.path, p.severity.value, p.hint) for p in rules.check(Path())]
    assert found == [
        (("rules", 0, "query"), "error", ""),
        (("rules", 0, "sampling"), "error", ""),
        (("rules", 1, "input"), "warning", 'did you mean "DstPort"?'),
        (("rules", 2, "rules", 1, "input"), "warning", 'did you mean "Flags"?'),
        (("rules", 3, "samples", 0, "value"), "error", ""),
        (("rules", 4, "expression"), "warning", ""),
    ]


def test_it_reads_what_its_rules_read() -> None:
    rules = stage(
        {"type": "keep_entry_query", "query": 'A="$(B)"'},
        {"type": "remove_entry_all_satisfied", "rules": [EXISTS, NO_BYTES]},
        {"type": "conditional_sampling", "samples": [{"rules": [EXISTS]}]},
        {"type": "add_field", "input": "C", "value": 1},
        {"type": "add_field_if_doesnt_exist", "input": "D", "value": 1},
        add_if("E", "F", "== 1"),
        sampling_field="Sampling",
    )
    assert rules.reads() == {"A", "B", "Flags", "Bytes", "D", "E", "Sampling"}


def test_columns_stay_typed_and_no_other_is_left() -> None:
    flows = frame([{"Proto": 6, "Bytes": 1, "A": "x"}])
    rules = stage(
        {"type": "keep_entry_query", "query": "Proto=6", "sampling": 1},
        {"type": "conditional_sampling", "samples": [{"value": 2, "rules": [EXISTS]}]},
        {"type": "add_field", "input": "Bytes", "value": 7},
        add_if("Proto", "L4", "== 6", "tcp"),
        {"type": "add_label", "input": "l", "value": 1},
        sampling_field="Sampling",
    )
    assert rules.build(BuildContext())(flows).schema == {
        "Proto": pl.UInt8(),
        "A": pl.String(),
        "Sampling": pl.UInt32(),
        "Bytes": pl.UInt64(),
        "L4": pl.String(),
        "L4_Evaluate": pl.Boolean(),
        "labels": pl.String(),
    }


CELLS = st.sampled_from([0, 1, 6, 1.5, "1", "", "x", True, [], ["x"], [1], {"k": 1}, None])
FIELDS = st.sampled_from(["Proto", "SrcAddr", "A", "B", "labels"])
EXPRESSIONS = st.sampled_from(["== 1", "!= 7", '=~ "x"', "> 0 && val < 6", '+ "x" == "1x"', "("])
REMOVALS = st.fixed_dictionaries(
    {"type": st.sampled_from(["remove_entry_if_equal", "remove_entry_if_not_equal"])}
    | {"input": FIELDS, "value": CELLS}
) | st.fixed_dictionaries(
    {"type": st.sampled_from(["remove_entry_if_exists", "remove_entry_if_doesnt_exist"])}
    | {"input": FIELDS}
)
ONE = st.lists(REMOVALS, max_size=1)
WRITTEN = ["add_field", "add_field_if_doesnt_exist", "add_label"]
RULES = st.one_of(
    REMOVALS,
    st.fixed_dictionaries({"type": st.just("remove_field"), "input": FIELDS}),
    st.fixed_dictionaries({"type": st.sampled_from(WRITTEN), "input": FIELDS, "value": CELLS}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["add_field_if", "add_label_if"]), "input": FIELDS}
        | {"output": FIELDS, "expression": EXPRESSIONS, "assignee": st.sampled_from(["", "y"])}
    ),
    st.fixed_dictionaries(
        {"type": st.just("add_regex_if"), "input": FIELDS, "output": FIELDS}
        | {"expression": st.sampled_from(["1", "^<nil>$", "("])}
    ),
    st.fixed_dictionaries(
        {"type": st.just("conditional_sampling")}
        | {"samples": st.lists(st.fixed_dictionaries({"value": st.just(2), "rules": ONE}))}
    ),
    st.fixed_dictionaries(
        {"type": st.just("keep_entry_query"), "sampling": st.integers(0, 3)}
        | {"query": st.sampled_from(["with(A)", "Proto!=1", 'A!="x"'])}
    ),
)


@given(
    st.lists(st.dictionaries(FIELDS, CELLS), max_size=6),
    st.lists(RULES, max_size=4),
    st.sampled_from(["", "A", "Proto"]),
    st.integers(0, 6),
)
def test_laws(flows: list[Flow], rules: list[dict[str, Any]], field: str, cut: int) -> None:
    assert_laws(stage(*rules, sampling_field=field), flows, cut)


SAME: list[Flow] = [
    {"SrcAddr": text} for text in ("fd00::a", "FD00:0:0::A", "::ffff:10.0.0.9", "10.0.0.9", "text")
]


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ({"type": "remove_entry_if_equal", "input": "SrcAddr", "value": "fd00:0::a"}, [2, 3, 4]),
        ({"type": "remove_entry_if_not_equal", "input": "SrcAddr", "value": "10.0.0.9"}, [2, 3]),
        ({"type": "remove_entry_if_equal", "input": "SrcAddr", "value": "text"}, [0, 1, 2, 3]),
        ({"type": "keep_entry_query", "query": 'SrcAddr = "FD00::A"'}, [0, 1]),
        ({"type": "keep_entry_query", "query": 'SrcAddr != "::ffff:a00:9"'}, [0, 1, 4]),
    ],
)
def test_addresses_are_equal_in_any_form(rule: Flow, left: list[int]) -> None:
    """In the rule and in the flow."""
    got = run(stage(rule), SAME)
    assert [one["SrcAddr"] for one in got] == [SAME[place]["SrcAddr"] for place in left]


def test_an_expression_knows_every_form_of_an_address() -> None:
    got = run(stage(add_if("SrcAddr", "Match", '== "FD00::A"')), SAME)
    assert ["Match" in one for one in got] == [True, True, False, False, False]
    got = run(stage(add_if("SrcAddr", "Match", 'in ("10.0.0.9", "x")')), SAME)
    assert ["Match" in one for one in got] == [False, False, True, True, False]
