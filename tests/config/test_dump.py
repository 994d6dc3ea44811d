"""Stages as YAML: readable, without defaults, and the same stages when loaded."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.dump import dump
from pipeline.stage import Transform
from pipeline.yaml import document, validate

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    [
        "1e3",
        "0o17",
        "0x1",
        "yes",
        "null",
        "1_0",
        "${X}",
        "$$",
        "a: b",
        "<<",
        "=",
        "2024-01-01",
        "1:30",
    ]
)


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag="part"):
    the_size: float = 1.0
    text: str = ""
    colour: Colour = Colour.RED


class Stage(Transform, frozen=True, kw_only=True, tag="dumped"):
    needed: int
    parts: list[Part] = []  # noqa: RUF012 # msgspec copies it
    first: Part = Part(text="x")
    texts: dict[str, str] = {}  # noqa: RUF012 # msgspec copies it
    names: frozenset[str] = frozenset()
    ports: dict[int, tuple[int, str]] = {}  # noqa: RUF012 # msgspec copies it
    maybe: str | float | bool | None = None


def test_what_it_looks_like() -> None:
    stages = [
        Stage(name="a", needed=0),
        Stage(
            name="b",
            follows=["a"],
            needed=1,
            parts=[Part(), Part(the_size=2.5, colour=Colour.GREEN)],
            texts={"cost": "$5 ${HERE}"},
            ports={443: (1, "https")},
        ),
    ]
    assert (
        dump(stages, {"log_level": "debug"})
        == """\
log_level: debug
stages:
- name: a
  type: dumped
  needed: 0
- name: b
  type: dumped
  follows:
  - a
  needed: 1
  parts:
  - type: part
  - type: part
    theSize: 2.5
    colour: green
  texts:
    cost: $5 $${HERE}
  ports:
    '443':
    - 1
    - https
"""
    )


def test_documents_stay_as_they_are_but_for_the_order() -> None:
    stage = {"decoder": "json", "type": "t", "follows": [], "name": "n", "on": "yes"}
    assert (
        dump([stage])
        == "stages:\n- name: n\n  type: t\n  follows: []\n  decoder: json\n  'on': 'yes'\n"
    )


STAGES: st.SearchStrategy[Stage] = st.builds(
    Stage,
    name=TEXTS.filter(bool),
    follows=TEXTS | st.lists(TEXTS, max_size=2),
    needed=st.integers(-(2**63), 2**64 - 1),
    parts=st.lists(st.builds(Part, the_size=st.floats(allow_nan=False), text=TEXTS), max_size=3),
    first=st.builds(Part, text=TEXTS),
    texts=st.dictionaries(TEXTS, TEXTS, max_size=3),
    names=st.frozensets(TEXTS, max_size=3),
    ports=st.dictionaries(st.integers(0, 9), st.tuples(st.integers(0, 9), TEXTS), max_size=2),
    maybe=TEXTS | st.booleans() | st.none() | st.floats(allow_nan=False),
)


@given(st.lists(STAGES, max_size=3))
def test_loads_as_the_same_stages(stages: list[Stage]) -> None:
    loaded = document.load(dump(stages), "f.yaml", {})
    assert loaded.problems == []
    assert [validate.convert(stage, Stage) for stage in loaded.data["stages"]] == stages


@given(st.lists(TEXTS, max_size=3))
def test_other_readers_see_texts_too(texts: list[str]) -> None:
    read: Any = yaml.safe_load(dump([{"texts": texts}]).replace("$$", "$"))
    assert [type(text) for text in read["stages"][0]["texts"]] == [str] * len(texts)
