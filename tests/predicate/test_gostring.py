"""String literals of Go (docs/reference/transforms.md#query-language)."""

from __future__ import annotations

import re

import pytest

from pipeline.predicate.gostring import unquoted
from pipeline.predicate.syntax import RefusedError, Tokens

_WHOLE = re.compile(r"(?P<skip>\s+)|(?P<text>.+)", re.DOTALL)


def read(literal: str) -> str:
    """The text that a literal, two columns from the start, stands for."""
    tokens = Tokens(f"  {literal}", _WHOLE, {})
    return unquoted(tokens, tokens.next)


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (r'"a\tb\"\\"', 'a\tb"\\'),
        (r'"\x41\102\u0043\U00000044"', "ABCD"),
        (r'"\xc3\xa9"', "é"),
        ('"é"', "é"),
        (r"`a\t`", r"a\t"),
        ("`a\r\nb`", "a\nb"),
        ('""', ""),
        ("``", ""),
        (r'"\a\b\f\n\r\t\v"', "\a\b\f\n\r\t\v"),
        (r'"\377"', "\ufffd"),
        (r'"\x419"', "A9"),
        (r'"\U0010ffff"', "\U0010ffff"),
        ('`"`', '"'),
    ],
)
def test_texts_are_those_of_go(literal: str, text: str) -> None:
    """Bytes that are not UTF-8 together read as U+FFFD."""
    assert read(literal) == text


@pytest.mark.parametrize(
    ("literal", "escape"),
    [
        (r'"\q"', r"\q"),
        (r'"\ud800"', r"\ud800"),
        (r'"\U00110000"', r"\U00110000"),
        (r'"\400"', r"\400"),
        (r'"\x4"', r"\x"),
        (r'"\u12"', r"\u"),
        (r'"\18"', r"\1"),
        (r'"\'"', r"\'"),
    ],
)
def test_an_escape_that_go_does_not_know_is_refused_at_the_text(literal: str, escape: str) -> None:
    with pytest.raises(RefusedError, match=r"^column 3: ") as refused:
        read(literal)
    assert str(refused.value).endswith(escape)
