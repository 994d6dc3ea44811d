"""Patterns find and refuse what Go's `regexp` does."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from pipeline.predicate import regex
from tests.real import go_regexp

PIECES = json.loads((Path(__file__).parent / "regex_pieces.json").read_text(encoding="utf-8"))
"""What RE2, Go, Perl and Rust read differently, and texts to search."""
TEXTS: list[str] = PIECES["texts"]
KINDS = ("literals", "escapes", "classes", "groups")


def composed(dice: random.Random, depth: int = 0) -> str:
    """A pattern put together from the pieces above, mostly well-formed."""
    draw = dice.random()
    if depth > 3 or draw < 0.45:
        return str(dice.choice(PIECES[dice.choice(KINDS)]))
    inner = composed(dice, depth + 1)
    if draw < 0.6:
        return inner + str(dice.choice(PIECES["repetitions"]))
    if draw < 0.75:
        return f"({dice.choice(['', '?:', '?i:', '?s:', '?m:', '?U:', '?-i:'])}{inner})"
    return inner + dice.choice(["", "|"]) + composed(dice, depth + 1)


def answers(patterns: list[str], texts: list[str]) -> list[list[bool] | None]:
    """What this engine says, as `go_regexp.searched` gives Go's answers."""
    frame = pl.DataFrame({"t": texts})
    return [
        None
        if regex.fault(pattern)
        else frame.select(regex.search(pl.col("t"), pattern)).to_series().to_list()
        for pattern in patterns
    ]


def assert_as_go(patterns: list[str]) -> None:
    expected = go_regexp.searched(patterns, TEXTS)
    different = {
        pattern: (ours, go)
        for pattern, ours, go in zip(patterns, answers(patterns, TEXTS), expected, strict=True)
        if ours != go
    }
    assert different == {}
    assert sum(found is not None and any(found) for found in expected) > len(patterns) / 10


@pytest.mark.real
@pytest.mark.parametrize("seed", range(2))
def test_composed_patterns_find_what_go_finds(seed: int) -> None:
    """Three thousand patterns of every kind, with every text."""
    dice = random.Random(seed)
    pieces = [piece for kind in KINDS for piece in PIECES[kind]]
    assert_as_go([*pieces, *(composed(dice) for _ in range(3000))])


@pytest.mark.real
def test_random_characters_find_what_go_finds() -> None:
    dice = random.Random(7)
    texts = ["".join(dice.choices(PIECES["alphabet"], k=dice.randint(1, 8))) for _ in range(3000)]
    short_names = [text for text in texts if r"\p" not in text.lower()]
    assert_as_go(short_names)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^\Qapi.example.org\E$", "api.example.org", True),
        (r"^\w+\.org$", "exämple.org", False),
        ("tmpl-{x}", "tmpl-{x}", True),
        (r"^\d+$", "٤٤٣", False),
        (r"\101", "A", True),
        ("a{,3}", "aaa", False),
        ("[0-9&&]", "&", True),
        (r"\<", "<", True),
        ("(?i)STRASSE", "straße", False),
        ("(?i)k", "\u212a", True),
        ("a$", "a\n", False),
    ],
)
def test_examples(pattern: str, text: str, *, found: bool) -> None:
    assert answers([pattern], [text]) == [[found]]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("x**", "bad repetition operator: **"),
        ("x{1001}", "invalid repetition size: {1001}"),
        ("((a{10}){10}){11}", "invalid repetition size: {11}"),
        ("x{99999999999}", "invalid repetition size: {99999999999}"),
        ("a(?!b)", "invalid perl operator: (?! (RE2 has no look-around)"),
        ("(?<=a)b", "invalid perl operator: (?<= (RE2 has no look-around)"),
        (r"(a)\1", r"invalid escape sequence: \1 (RE2 has no backreferences)"),
        (r"\C", r"invalid escape sequence: \C"),
        ("(?P<ä>a)", "invalid named capture group: ä"),
        (r"\p{Letter}", r"RE2 knows categories by their short names, such as \pL"),
        ("(", "missing ): ("),
    ],
)
def test_a_refused_pattern_says_why(pattern: str, reason: str) -> None:
    fault = regex.fault(pattern)
    assert fault.startswith(f'"{pattern}" is not a valid regular expression: ')
    assert reason in fault


@pytest.mark.real
@pytest.mark.parametrize("pattern", [r"\\C", r"\Q\C\E", r"[a\\C]", "[{99999999999}]", r"\\{9}"])
def test_what_only_looks_refused_is_valid(pattern: str) -> None:
    assert regex.fault(pattern) == ""
    assert go_regexp.searched([pattern], [""]) != [None]


@pytest.mark.parametrize("pattern", [r"\pL{1000}", "(a{10}){100}", "(?:a?){1000}a{1000}"])
def test_large_patterns_are_searched(pattern: str) -> None:
    assert answers([pattern], ["a" * 1000]) == [[True]]


@pytest.mark.real
def test_deep_nesting_is_searched_though_go_refuses_it() -> None:
    patterns = ["(" * depth + "a" + ")" * depth for depth in (999, 1000, 5000)]
    assert answers(patterns, ["a"]) == [[True]] * 3
    assert go_regexp.searched(patterns, ["a"]) == [[True], None, None]


def test_a_null_text_stays_null() -> None:
    frame = pl.DataFrame({"t": [None, "", "b", None, "b"]})
    found = frame.select(regex.search(pl.col("t"), "b")).to_series().to_list()
    assert found == [None, False, True, None, True]


def test_a_refused_pattern_cannot_be_searched() -> None:
    with pytest.raises(ValueError, match="not a valid regular expression"):
        regex.search(pl.col("t"), "(")
