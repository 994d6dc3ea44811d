"""What the languages of conditions share: tokens, and refusals with a place."""

from __future__ import annotations

import re

import pytest

from pipeline.predicate.syntax import END, MAX_DEPTH, RefusedError, Tokens

_PATTERN = re.compile(
    r"(?P<skip>\s+)|(?P<word>[a-z]\w*)|(?P<number>[0-9]+)|(?P<bad_quote>')|(?P<operator>[()=])",
    re.IGNORECASE,
)


def tokens(text: str) -> Tokens:
    return Tokens(text, _PATTERN, {"bad_quote": "no single quotes"})


def test_tokens_one_after_the_other_then_the_end_for_ever() -> None:
    cursor = tokens(" ab = 12")
    taken = [cursor.take() for _ in range(5)]
    assert [(t.kind, t.text, t.offset) for t in taken] == [
        ("word", "ab", 1),
        ("operator", "=", 4),
        ("number", "12", 6),
        (END, "", 8),
        (END, "", 8),
    ]
    assert (taken[0].shown, taken[-1].shown) == ("ab", "the end")


def test_a_word_or_an_operator_is_accepted_in_any_case() -> None:
    cursor = tokens("AND 1")
    assert cursor.accept("or", "=") == ""
    assert cursor.accept("or", "and") == "and"
    assert cursor.accept("1") == ""
    assert cursor.next.text == "1"


def test_what_is_not_expected_says_what_is() -> None:
    cursor = tokens("a b")
    cursor.take()
    with pytest.raises(RefusedError, match=r'^column 3: expected "and" or "\)", found b$'):
        cursor.expect(")", '"and"')
    error = cursor.unexpected("x", "y", "z", hint="try x")
    assert str(error) == "column 3: expected x, y or z, found b"
    assert error.hint == "try x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a ;", "column 3: unexpected ;"),
        ("a '", "column 3: no single quotes"),
        ("a\n=\n ;", "line 3, column 2: unexpected ;"),
        ("é", "column 1: unexpected é"),
    ],
)
def test_what_is_no_token_is_refused_at_its_place(text: str, message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        tokens(text)
    assert str(refused.value) == message


def test_an_error_without_a_text_has_no_place() -> None:
    assert str(RefusedError("the query is empty")) == "the query is empty"


def test_nesting_has_a_limit_that_leaving_gives_back() -> None:
    cursor = tokens("(")
    for _ in range(3):
        for _ in range(MAX_DEPTH):
            cursor.nest(1)
        for _ in range(MAX_DEPTH):
            cursor.nest(-1)
    for _ in range(MAX_DEPTH):
        cursor.nest(1)
    with pytest.raises(RefusedError, match=f"^column 1: more than {MAX_DEPTH} "):
        cursor.nest(1)


def test_a_refusal_is_a_value_error_at_the_token_given() -> None:
    cursor = tokens("a b")
    first = cursor.take()
    error = cursor.refused("wrong", first)
    assert isinstance(error, ValueError)
    assert str(error) == "column 1: wrong"
    assert str(cursor.refused("wrong")) == "column 3: wrong"
