"""Plain data to structs: every problem, with its path, in plain words."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from pipeline.diagnostics import Code, ConfigError, ConfigPath, Key
from pipeline.stage.duration import Duration
from pipeline.yaml import validate


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Circle(msgspec.Struct, tag="circle", tag_field="shape"):
    radius: float


class Square(msgspec.Struct, tag="square", tag_field="shape"):
    side: Annotated[int, Meta(ge=1)]


class Part(msgspec.Struct, frozen=True, rename="camel"):
    the_size: int
    labels: Annotated[list[str], Meta(max_length=2)] = []


class Whole(msgspec.Struct, frozen=True):
    number: int = 0
    ratio: float = 0.0
    on: bool = False
    wait: Duration = "1s"
    mode: Literal["fast", "slow"] = "fast"
    colour: Colour | None = None
    one_or_more: str | list[str] = ""
    part: Part | None = None
    parts: list[Part] = []
    by_name: dict[str, Part] = {}
    by_port: dict[int, str] = {}
    pair: tuple[int, str] = (0, "")
    many: tuple[int, ...] = ()
    shape: Circle | Square | None = None
    anything: Any = None

    def __post_init__(self) -> None:
        if self.number == 13:
            raise ValueError("13 brings bad luck")


def found(data: object, kind: Any = Whole) -> dict[ConfigPath, str]:
    return {
        problem.path: f"{problem.message}; {problem.hint}".removesuffix("; ")
        for problem in validate.problems(data, kind)
    }


def test_good_data_has_no_problems() -> None:
    data = {
        "number": 1,
        "ratio": 1,
        "wait": 1.5,
        "colour": "red",
        "one_or_more": ["a"],
        "part": {"theSize": 1, "labels": ["a", "b"]},
        "by_name": {"a": {"theSize": 2}},
        "by_port": {"443": "https"},
        "pair": [1, "a"],
        "many": [1, 2, 3],
        "shape": {"shape": "square", "side": 1},
        "anything": {"a": [None]},
    }
    assert found(data) == {}
    whole = validate.convert(data, Whole)
    assert whole.by_port == {443: "https"}
    assert whole.shape == Square(1)
    assert whole.part == Part(1, ["a", "b"])


def test_every_problem_at_once() -> None:
    data = {
        "number": "1",
        "ratio": True,
        "on": "yes",
        "wait": "10",
        "mode": "fats",
        "colour": "blue",
        "one_or_more": ["a", 1, 2],
        "part": {"thesize": 1},
        "parts": [{"theSize": 1.5, "labels": ["a", "b", "c"]}, 7, {"theSize": 1, "labels": [1]}],
        "by_name": {"a": {}},
        "by_port": {"https": 443},
        "pair": [1, 2],
        "many": [1, None],
        "shape": {"shape": "square", "side": 0},
        "nmber": 1,
        "zzz": 1,
    }
    assert found(data) == {
        ("number",): "expected int, got text",
        ("ratio",): "expected number, got true or false",
        ("on",): "expected true or false, got text",
        ("wait",): 'expected a duration such as "10s", "1h30m", or a number of seconds, got "10"',
        ("mode",): 'unknown value "fats"; did you mean "fast"?',
        ("colour",): 'unknown value "blue"; one of red, green',
        ("one_or_more", 1): "expected text, got int",
        ("one_or_more", 2): "expected text, got int",
        ("part", "thesize"): 'unknown field; did you mean "theSize"?',
        ("part",): 'missing field "theSize"',
        ("parts", 0, "theSize"): "expected int, got number",
        ("parts", 0, "labels"): "expected list of length <= 2",
        ("parts", 1): "expected mapping, got int",
        ("parts", 2, "labels", 0): "expected text, got int",
        ("by_name", "a"): 'missing field "theSize"',
        ("by_port", "https"): "expected text, got int",
        ("pair", 1): "expected text, got int",
        ("many", 1): "expected int, got nothing",
        ("shape", "side"): "expected int >= 1, got 0",
        ("nmber",): 'unknown field; did you mean "number"?',
        ("zzz",): f"unknown field; fields are {', '.join(Whole.__struct_fields__)}",
    }


def test_shapes_that_do_not_fit() -> None:
    assert found(3) == {(): "expected mapping, got int"}
    assert found([]) == {(): "expected mapping, got list"}
    assert found({"pair": [1]}) == {("pair",): "expected list of length 2, got 1"}
    assert found({"part": 3}) == {("part",): "expected mapping or nothing, got int"}
    assert found({"one_or_more": {}}) == {("one_or_more",): "expected text or list, got mapping"}
    assert found({"mode": 1}) == {("mode",): "expected text, got int"}
    assert found({"wait": True})[("wait",)].endswith("seconds, got true")
    assert found({"wait": []})[("wait",)].endswith("seconds, got a list")
    assert found({"wait": None})[("wait",)].endswith("seconds, got nothing")
    assert found({"wait": -1})[("wait",)].endswith("seconds, got -1")
    assert found({"wait": "9" * 60})[("wait",)].endswith(f'seconds, got "{"9" * 50}..."')
    assert found({"number": 13}) == {(): "13 brings bad luck"}


def test_tags() -> None:
    assert found({"shape": {}}) == {("shape",): 'missing field "shape"; one of circle, square'}
    assert found({"shape": {"shape": "cirle"}}) == {
        ("shape", "shape"): 'unknown value "cirle"; did you mean "circle"?'
    }
    assert found({"shape": {"shape": 3}}) == {
        ("shape", "shape"): "unknown value 3; one of circle, square"
    }
    assert found({"shape": {"shape": "circle", "side": 1}}) == {
        ("shape", "side"): "unknown field; fields are radius",
        ("shape",): 'missing field "radius"',
    }


def test_keys_are_marked_as_such() -> None:
    problems = list(validate.problems({"zzz": 1, "by_port": {"x": "y"}}, Whole))
    assert [type(problem.path[-1]) for problem in problems] == [Key, Key]
    assert problems[1].message == "expected int, got text"


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = (
    st.sampled_from([*Whole.__struct_fields__, "theSize", "labels", "side", "radius"]) | st.text()
)
DATA = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5)
)


@given(st.dictionaries(KEYS, DATA, max_size=6) | DATA)
def test_no_problem_means_that_it_converts(data: object) -> None:
    if not found(data):
        assert isinstance(validate.convert(data, Whole), Whole)


def test_a_scalar_that_wants_quotes_has_a_code() -> None:
    """`value: 17` where a text is expected: what reads YAML can say more."""
    found = validate.problems([17, 1.5, True, None, [], "x"], list[str])
    unquoted = [problem.path for problem in found if problem.code is Code.UNQUOTED]
    assert unquoted == [(0,), (1,), (2,)]
    (other,) = validate.problems("x", int)
    assert other.code is Code.OTHER


class Point(msgspec.Struct, forbid_unknown_fields=True):
    x: int


def test_a_file_is_read_or_all_that_is_wrong_is_said(tmp_path: Path) -> None:
    path = tmp_path / "point.yaml"
    path.write_text("x: 1\n")
    assert validate.read(path, Point) == Point(1)
    path.write_text("x: a\ny: 1\n")
    with pytest.raises(ConfigError) as refused:
        validate.read(path, Point)
    assert [str(one) for one in refused.value.problems] == [
        f"{path}:1:4: error: field x: expected int, got text",
        f"{path}:2:1: error: field y: unknown field; fields are x",
    ]


@pytest.mark.parametrize("text", ["soon", "9" * 400 + "s", "-1s"])
def test_what_may_be_left_out_is_checked_where_it_is_not(text: str) -> None:
    """A duration of 400 digits has its pattern, and no number: it passed, and ended the run."""

    class Pause(msgspec.Struct):
        wait: Duration | None = None

    assert found({"wait": None}, Pause) == found({"wait": "1s"}, Pause) == {}
    (message,) = found({"wait": text}, Pause).values()
    assert message.startswith("expected a duration such as")


@pytest.mark.parametrize(
    ("data", "kind", "part", "told"),
    [
        (
            {"parts": [{"theSize": "1"}]},
            Whole,
            "",
            "field parts[0].theSize: expected int, got text",
        ),
        ({"number": None}, Whole, "spec", "field spec.number: expected int, got nothing"),
        ({"a": 1}, dict[str, str], "labels", "field labels[...]: expected text, got int"),
        ([1], list[str], "", "field [0]: expected text, got int"),
        ([], Whole, "status", "field status: expected mapping, got list"),
        ([], Whole, "", "expected mapping, got list"),
        ({"a": 1}, dict[int, int], "", "expected int, got text"),
    ],
)
def test_an_error_of_msgspec_in_words(data: object, kind: Any, part: str, told: str) -> None:
    """With the field, as far as msgspec tells it."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(data, kind)
    assert validate.in_words(caught.value, part) == told
