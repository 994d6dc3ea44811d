"""The stage `rules` (docs/reference/transforms.md#filter)."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows import values
from pipeline.stage import BuildContext
from pipeline.testing import Flow, assert_laws, frame, run
from tests.stages.rules.given import EXISTS, NO_BYTES, SAME, add_if, applied, golden, kept, stage


def test_without_rules_flows_pass_as_the_original_has_them() -> None:
    found, expected = golden("filter-empty-rules", [])
    assert found == expected


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


def test_sampling_depends_on_the_seed_alone() -> None:
    rules = stage({"type": "keep_entry_query", "query": "with(n)", "sampling": 3})
    flows = [{"n": number} for number in range(200)]
    one, again, other = (run(rules, flows, BuildContext(random=Random(seed))) for seed in (1, 1, 2))
    assert one == again
    assert one != other


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
        (("rules", 3, "samples", 0, "value"), "error", ""),
        (("rules", 4, "expression"), "warning", ""),
    ]


def test_it_names_what_its_rules_read_and_none_of_them_made() -> None:
    rules = stage(
        {"type": "add_field_if", "input": "A", "output": "B", "expression": "> 1"},
        {"type": "remove_entry_all_satisfied", "rules": [EXISTS | {"input": "B_Evaluate"}]},
        {"type": "conditional_sampling", "samples": [{"rules": [EXISTS | {"input": "C"}]}]},
        {"type": "keep_entry_query", "query": "D = 1"},
    )
    assert list(rules.named()) == [
        (("rules", 0, "input"), "A"),
        (("rules", 2, "samples", 0, "rules", 0, "input"), "C"),
        (("rules", 3, "query"), "D"),
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
    assert rules.reads() == {"A", "B", "Flags", "Bytes", "D", "E", "Sampling", values.NUMBER}


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
    assert rules.build(BuildContext())(flows).drop(values.NUMBER).schema == {
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
