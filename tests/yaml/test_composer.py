"""From YAML to plain data with places: anchors, merged mappings, tags, limits."""

from __future__ import annotations

import json

import pytest
import yaml

from pipeline.diagnostics import ConfigError, Location
from pipeline.yaml import document
from pipeline.yaml.composer import MAX_DEPTH, MAX_NODES, Composer, Node


def problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    return [str(problem) for problem in document.load(text, "f.yaml", environ).problems]


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        list(Composer(text, "f.yaml", None).documents())
    (problem,) = caught.value.problems
    return str(problem)


def root(text: str) -> Node:
    """The first document of a text, which has no problems."""
    node, problems_ = next(Composer(text, "f.yaml", None).documents())
    assert problems_ == []
    return node


def test_a_node_knows_where_it_and_its_keys_start() -> None:
    node = root("# comment\n  a: [x,\n   y]\n")
    assert (node.line, node.column) == (2, 3)
    assert node.keys == {"a": (2, 3)}
    inner = node.items["a"]
    assert [(inner.items[at].line, inner.items[at].column) for at in (0, 1)] == [(2, 7), (3, 4)]


def test_the_size_of_a_node_counts_aliases_as_what_they_stand_for() -> None:
    node = root("a: &a [1, 2, 3]\nb: [*a, *a]\n")
    assert node.items["a"].size == 4
    assert node.items["b"].size == 9


def test_an_alias_is_the_node_it_stands_for_at_a_place_of_its_own() -> None:
    node = root("a: &a {k: v}\nb: *a\n")
    assert node.data == {"a": {"k": "v"}, "b": {"k": "v"}}
    assert (node.items["b"].line, node.items["b"].column) == (2, 4)
    assert node.items["b"].items["k"] is node.items["a"].items["k"]


def test_each_document_has_its_own_anchors_and_problems() -> None:
    found = list(Composer("a: &a 1\n---\nb: *a\n", "f.yaml", None).documents())
    assert [node.data for node, _ in found] == [{"a": 1}, {"b": None}]
    assert [len(problems_) for _, problems_ in found] == [0, 1]
    assert found[1][1][0].place == Location("f.yaml", 3, 4)


def test_an_anchor_may_be_given_again() -> None:
    assert root("[&a 1, *a, &a 2, *a]").data == [1, 1, 2, 2]


def test_a_tag_decides_what_a_scalar_is() -> None:
    """`!` alone means a text, as quotes do not say otherwise."""
    assert root("[!!str 1, !!float 1, ! 1, '1', !!int \"7\"]").data == ["1", 1.0, 1, "1", 7]


def test_a_list_or_a_mapping_under_a_tag_of_another_kind_is_a_problem() -> None:
    assert problems("a: !!map [1]\nb: !!seq {}\nc: !!seq [1]\n") == [
        'f.yaml:1:4: error: the tag does not fit; a text that begins with "!" needs quotes',
        'f.yaml:2:4: error: the tag does not fit; a text that begins with "!" needs quotes',
    ]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_a_value_may_be_as_deep_as_the_limit(opening: str, closing: str) -> None:
    assert root(opening * MAX_DEPTH + "x" + closing * MAX_DEPTH).size == MAX_DEPTH + 1
    deeper = opening * (MAX_DEPTH + 1) + "x" + closing * (MAX_DEPTH + 1)
    assert f"nested deeper than {MAX_DEPTH} levels" in refused(deeper)


def test_what_is_not_yaml_is_left_to_the_caller() -> None:
    with pytest.raises(yaml.YAMLError):
        list(Composer("[", "f.yaml", None).documents())


def test_merged_mappings() -> None:
    text = "x: &x {a: 1, b: 1}\ny: {<<: *x, b: 2}\nz: {<<: [{c: 3}, *x], '<<': 4}\n"
    data = document.load(text, "f.yaml").data
    assert data["y"] == {"a": 1, "b": 2}
    assert data["z"] == {"a": 1, "b": 1, "c": 3, "<<": 4}
    assert document.load(text, "f.yaml").place(("y", "a")) == Location("f.yaml", 1, 11)


def test_problems_that_do_not_prevent_reading() -> None:
    text = """\
a: 1
b: [${NONE:-1}, "${NONE}"]
a: 2
c: !color red
d: !!python/object/apply:os.system [id]
e: &e [*e]
f: *none
? [1]
: 2
g: {<<: 1}
h: !!int x
"""
    assert problems(text.replace("[${NONE:-1}, ", "["), {}) == [
        "f.yaml:2:5: error: variable NONE is not set",
        'f.yaml:3:1: error: duplicate key "a"; first given in line 1',
        'f.yaml:4:4: error: unknown tag; a text that begins with "!" needs quotes',
        'f.yaml:5:4: error: the tag does not fit; a text that begins with "!" needs quotes',
        "f.yaml:6:8: error: *e contains itself",
        'f.yaml:7:4: error: this alias has no anchor; a text that begins with "*" needs quotes',
        "f.yaml:8:3: error: a key must be a text",
        "f.yaml:10:9: error: << merges mappings only",
        (
            'f.yaml:11:4: error: the value does not fit its tag "int"; '
            'a text that begins with "!" needs quotes'
        ),
    ]


def test_aliases_are_counted_as_what_they_stand_for() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{k}: &{k} [{', '.join([f'*{p}'] * 10)}]"
        for p, k in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert f"more than {MAX_NODES} values, aliases expanded" in refused("\n".join(lines))


@pytest.mark.parametrize(
    "text", ["\U0001f600", "\\\U0001f600", "\\ud83d", 'a\U000e0041\U0001f600"']
)
def test_json_has_two_escapes_for_a_letter(text: str) -> None:
    """As every writer of JSON in ASCII gives them."""
    [(root, _)] = Composer(json.dumps({text: [text]}), "x.json").documents()
    assert root.data == {text: [text]}
