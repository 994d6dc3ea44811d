from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import Severity
from pipeline.flows import catalogue, values
from pipeline.predicate.match import Match, MatchType
from pipeline.stage import BuildContext
from pipeline.testing import Flow, assert_laws, frame, rows, run
from stages.filter import Filter
from stages.flatten import Flatten

EVENTS = pl.List(pl.Struct({"Feature": pl.String, "Type": pl.String}))


def split(flow: Flow, *names: str) -> list[Flow]:
    return run(Flatten(name="f", fields=list(names)), [flow])


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (["SYN", "ACK", "SYN"], [{"F": "SYN"}, {"F": "ACK"}, {"F": "SYN"}]),
        ([], [{}]),
        (None, [{}]),
        ("SYN", [{}]),
        (2, [{}]),
        ({"k": ["v"]}, [{}]),
        ([1, 2.5], [{"F": 1}, {"F": 2.5}]),
        (["a", None, True, ["b"]], [{"F": "a"}, {"F": None}, {"F": True}, {"F": ["b"]}]),
        (
            [{"Type": "acl", "N": 1000000, "L": ["x", 1]}, "y", {"Type": None}],
            [{"F>Type": "acl", "F>N": "1000000", "F>L": "[x 1]"}, {"F": "y"}, {}],
        ),
    ],
)
def test_one_row_per_element(value: object, parts: list[Flow]) -> None:
    assert split({"F": value, "P": 6}, "F") == [part | {"P": 6} for part in parts]


def test_a_null_element_is_present_and_has_no_text() -> None:
    """As everywhere in this engine: its label is "", and a presence filter finds it."""
    flows = Flatten(name="f", fields=["F"]).build(BuildContext())(frame([{"F": [None, "<nil>"]}]))
    schema = flows.schema
    assert flows.select(values.text(schema, "F").alias("t"))["t"].to_list() == [None, "<nil>"]
    present = Filter(name="g", match=[Match(field="F", type=MatchType.PRESENCE)])
    assert present.build(BuildContext())(flows).height == 2


def test_objects_of_json_flows_give_their_keys_and_not_the_field() -> None:
    flow = {"L": [{"k": "v", "n": 1}]}
    assert split(flow, "L") == [{"L>k": "v", "L>n": "1"}]
    whole = frame([flow])
    text = whole.select(values.text(whole.schema, "L").alias("t"))["t"].to_list()
    assert text == ["[map[k:v n:1]]"]


def test_lists_of_texts_in_a_column() -> None:
    flows = pl.DataFrame({"n": [0, 1, 2, 3], "F": [["a", "b"], [], None, ["c", None]]})
    assert rows(Flatten(name="f", fields=["F"]).build(BuildContext())(flows)) == [
        {"n": 0, "F": "a"},
        {"n": 0, "F": "b"},
        {"n": 1},
        {"n": 2},
        {"n": 3, "F": "c"},
        {"n": 3, "F": None},
    ]


def test_numbers_of_the_agent_contribute_nothing() -> None:
    assert split({"IfDirections": [0, 1]}, "IfDirections") == [{}]
    assert split({"Flags": 18, "n": 1}, "Flags") == [{"n": 1}]


def test_numbers_in_a_column_and_lists_beside_it() -> None:
    step = Flatten(name="f", fields=["IfDirections"]).build(BuildContext())
    assert rows(step(frame([{"IfDirections": [0, 1]}, {"IfDirections": ["a"]}]))) == [
        {},
        {"IfDirections": "a"},
    ]


def events() -> pl.DataFrame:
    lists: list[list[dict[str, str]] | None] = [
        [{"Feature": "acl", "Type": "drop"}, {"Feature": "pol"}],
        [],
        None,
        [{}],
    ]
    return pl.DataFrame({"n": [0, 1, 2, 3], "E": pl.Series(lists, dtype=EVENTS)})


def test_the_keys_of_objects_become_fields() -> None:
    assert rows(Flatten(name="f", fields=["E"]).build(BuildContext())(events())) == [
        {"n": 0, "E>Feature": "acl", "E>Type": "drop"},
        {"n": 0, "E>Feature": "pol"},
        {"n": 1},
        {"n": 2},
        {"n": 3},
    ]


def test_only_the_keys_that_are_needed() -> None:
    step = Flatten(name="f", fields=["E"]).build(
        BuildContext(needed=frozenset({"n", "E", "E>Type"}))
    )
    assert step(events()).columns == ["n", "E>Type"]
    texts = pl.DataFrame({values.overflow("E"): ['[{"Type": "a", "Feature": "b"}]']})
    assert step(texts).to_dict(as_series=False) == {"E>Type": ["a"]}


def test_several_fields_multiply() -> None:
    flow = {"F": ["a", "b"], "G": [1, 2], "H": []}
    assert split(flow, "F", "G", "H", "F") == [
        {"F": "a", "G": 1},
        {"F": "a", "G": 2},
        {"F": "b", "G": 1},
        {"F": "b", "G": 2},
    ]


def test_a_field_named_like_a_part_is_none() -> None:
    assert split({"F>Type": "own", "F": ["a"]}, "F") == [{"F": "a"}]
    assert split({"F>Type": "own"}, "F") == [{}]


def test_the_row_of_origin_only_where_it_is_read() -> None:
    flows = frame([{"F": ["a", "b"]}, {"F": []}, {"F": ["b"]}])
    step = Flatten(name="f", fields=["F"]).build(
        BuildContext(needed=frozenset({"F", values.ORIGIN}))
    )
    assert step(flows)[values.ORIGIN].to_list() == [0, 0, 1, 2]
    assert step(step(flows))[values.ORIGIN].to_list() == [0, 0, 1, 2]
    step = Flatten(name="f", fields=["F"]).build(BuildContext(needed=frozenset({"F"})))
    assert values.ORIGIN not in step(flows).columns


def test_with_a_filter_behind_it() -> None:
    syn, fin = Match(field="F", value="SYN"), Match(field="F", value="FIN")
    after = Filter(name="g", match=[syn, fin], flattened=["F"])
    context = BuildContext(needed=after.reads() | {"n"})
    flows = frame([{"n": 0, "F": ["FIN", "SYN"]}, {"n": 1, "F": ["FIN"]}, {"n": 2, "F": ["ACK"]}])
    assert rows(after.build(context)(Flatten(name="f", fields=["F"]).build(context)(flows))) == [
        {"n": 0, "F": "SYN"},
        {"n": 1, "F": "FIN"},
    ]


def test_check() -> None:
    (problem,) = Flatten(name="f", fields=[]).check(Path())
    assert problem.severity is Severity.ERROR
    assert not list(Flatten(name="f", fields=["Flags"]).check(Path()))


def test_it_names_its_fields() -> None:
    stage = Flatten(name="f", fields=["Flags", "Udns"])
    assert list(stage.named()) == [(("fields", 0), "Flags"), (("fields", 1), "Udns")]


def test_flows_without_any_field_remain() -> None:
    """Those that lost all fields, to a generic rule say, are still flows."""
    step = Flatten(name="f", fields=["Interfaces"]).build(BuildContext(needed=frozenset({"F"})))
    assert step(frame([{"G": 1}, {"G": 2}])).height == 2


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([1.5, "x", "y", ""])
ELEMENTS = SCALARS | st.dictionaries(st.sampled_from("ab"), SCALARS) | st.lists(SCALARS, max_size=2)
LISTS = st.lists(st.sampled_from(["SYN", "ACK"])) | st.lists(ELEMENTS, max_size=3) | SCALARS
NAMES = ["F", "Interfaces", "IfDirections", "NetworkEvents"]


@given(
    st.lists(st.dictionaries(st.sampled_from(NAMES), LISTS), max_size=5),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=2),
    st.integers(0, 5),
)
def test_laws(flows: list[dict[str, Any]], names: list[str], cut: int) -> None:
    assert_laws(Flatten(name="f", fields=names), flows, cut)


@given(st.lists(st.lists(st.dictionaries(st.sampled_from(catalogue.EVENT_KEYS), st.text()))))
def test_json_and_protobuf_lists_are_one(lists: list[list[dict[str, str]]]) -> None:
    step = Flatten(name="f", fields=["E"]).build(BuildContext())
    typed = pl.Series(lists, dtype=catalogue.CATALOGUE["NetworkEvents"].dtype)
    assert rows(step(pl.DataFrame({"E": typed}))) == rows(step(frame([{"E": x} for x in lists])))
