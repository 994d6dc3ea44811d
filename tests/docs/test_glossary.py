"""The glossary: each word once, in order, with the place that defines it."""

from __future__ import annotations

import re
from collections import Counter

from tests.docs.markdown import ROOT, named

TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
SECTIONS = [
    re.findall(r"^\| ([^|]+?) \|.*\| ([^|]+?) \|$", section, re.MULTILINE)[1:]
    for section in TEXT.split("\n## ")[1:]
]
ROWS = [row for section in SECTIONS for row in section]


def test_each_word_stands_once() -> None:
    assert len(ROWS) > 60
    assert [word for word, count in Counter(word for word, _ in ROWS).items() if count > 1] == []


def test_words_are_in_order() -> None:
    """Those that do not go through are in the order of the pipeline, the others in that of ABC."""
    words = [[word for word, _ in section] for section in SECTIONS[1:]]
    assert words == [sorted(section) for section in words]


def test_each_word_names_the_place_that_defines_it() -> None:
    """That the place exists is tested for every page at once."""
    assert [word for word, where in ROWS if len(named(where)) != 1] == []


def test_what_does_not_go_through_has_four_words() -> None:
    assert [word for word, _ in SECTIONS[0]] == ["rejected", "filtered", "dropped", "refused"]
