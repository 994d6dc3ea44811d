"""The query language of keep_entry_query: text -> tree of conditions.

Source: docs/reference/transforms.md#query-language.

    expr := expr `and` expr | expr `or` expr | ( expr ) | with(F) | without(F)
          | F = S | F != S | F =~ S | F !~ S | F op N        op: = != < > <= >=
          | F in S | F not in S                              S: a CIDR

The last line is this engine's own. F is an identifier, S a text in double quotes or backquotes, N
a whole number. Keywords are in any case. **`or` binds tighter than `and`**: `a and b or c` is
`a and (b or c)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.flows import cidr, gotext
from pipeline.predicate import gostring
from pipeline.predicate.condition import (
    COMPARISONS,
    All,
    Any,
    Compares,
    Equal,
    Matches,
    Not,
    Present,
    Query,
    Within,
)
from pipeline.predicate.syntax import RefusedError, Token, Tokens, parsed_regex
from pipeline.stage import Fields

_ON_TEXT = {"=", "!=", "=~", "!~"}
_KEYWORDS = {"and", "or", "with", "without"}

_TOKEN = re.compile(
    r"""
      (?P<skip>\s+|//[^\n]*|/\*.*?\*/)
    | (?P<bad_comment>/\*)
    | (?P<word>[^\W\d]\w*)
    | (?P<bad_float>[0-9]+\.|\.[0-9]|[0-9]+[eE])
    | (?P<bad_number>[0-9]+[^\W\d])
    | (?P<number>[0-9]+)
    | (?P<text>"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`)
    | (?P<bad_text>["`])
    | (?P<bad_quote>')
    | (?P<bad_minus>-)
    | (?P<operator>=~|!~|!=|<=|>=|[=<>()])
    """,
    re.VERBOSE | re.DOTALL,
)
_BAD = {
    "bad_comment": "this comment does not end",
    "bad_float": "only whole numbers can be compared with",
    "bad_number": "expected a decimal number",
    "bad_text": "this text does not end",
    "bad_quote": 'texts are written in double quotes ("x") or backquotes (`x`)',
    "bad_minus": "negative numbers can't be compared with",
}


def parse(text: str) -> Query:
    """The condition of a query. Raises RefusedError with the position and the expected token."""
    tokens = Tokens(text, _TOKEN, _BAD)
    if not tokens.text.strip():
        raise RefusedError("the query is empty")
    query = _all(tokens)
    if tokens.next.kind != "end":
        raise tokens.unexpected('"and"', '"or"', "the end")
    return query


def problems(text: str, path: ConfigPath) -> Iterator[Problem]:
    """The reason for refusing a query."""
    try:
        parse(text)
    except RefusedError as error:
        yield Problem(path, str(error), error.hint)


def fields(text: str) -> Fields:
    """The fields that a query names; empty when the query is refused."""
    try:
        return parse(text).fields
    except RefusedError:
        return frozenset()


def _all(tokens: Tokens) -> Query:
    parts = [_any(tokens)]
    while tokens.accept("and"):
        parts.append(_any(tokens))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _any(tokens: Tokens) -> Query:
    parts = [_condition(tokens)]
    while tokens.accept("or"):
        parts.append(_condition(tokens))
    return parts[0] if len(parts) == 1 else Any(tuple(parts))


def _condition(tokens: Tokens) -> Query:
    if tokens.accept("("):
        tokens.nest(1)
        query = _all(tokens)
        tokens.expect(")", '"and"', '"or"')
        tokens.nest(-1)
        return query
    if keyword := tokens.accept("with", "without"):
        tokens.expect("(")
        present = Present(_field(tokens, "a field"))
        tokens.expect(")")
        return present if keyword == "with" else Not(present)
    return _comparison(tokens, _field(tokens, "a field", '"with"', '"without"', '"("'))


def _field(tokens: Tokens, *expected: str) -> str:
    if tokens.next.kind != "word" or tokens.next.text.lower() in _KEYWORDS:
        raise tokens.unexpected(*expected)
    return tokens.take().text


def _comparison(tokens: Tokens, field: str) -> Query:
    if negated := tokens.accept("not"):
        tokens.expect("in")
    if negated or tokens.accept("in"):
        return _network(tokens, field, negated=bool(negated))
    sign = tokens.accept("=~", "!~", *COMPARISONS)
    if not sign:
        raise tokens.unexpected("=~", "!~", "in", "not in", *COMPARISONS)
    operand = tokens.next
    if operand.kind == "text" and sign in _ON_TEXT:
        tokens.take()
        return _on_text(tokens, field, sign, operand)
    if operand.kind == "number" and sign in COMPARISONS:
        tokens.take()
        return Compares(field, sign, _number(tokens, operand))
    wanted = [what for what, fits in _OPERANDS.items() if sign in fits]
    hint = _NESTED if sign == ">" and operand.kind == "word" else ""
    raise tokens.unexpected(*wanted, hint=hint)


_OPERANDS = {"a quoted text": _ON_TEXT, "a whole number": COMPARISONS}
_NESTED = "a part of a field (A>B) can't be named in a query; use match"


def _on_text(tokens: Tokens, field: str, sign: str, operand: Token) -> Query:
    text = gostring.unquoted(tokens, operand)
    if sign in {"=", "!="}:
        query: Query = Equal(field, text)
    else:
        query = Matches(field, parsed_regex(tokens, operand, text))
    return Not(query) if sign.startswith("!") else query


def _network(tokens: Tokens, field: str, *, negated: bool) -> Query:
    operand = tokens.next
    if operand.kind != "text":
        raise tokens.unexpected("a quoted CIDR")
    tokens.take()
    text = gostring.unquoted(tokens, operand)
    if cidr.network(text) is None:
        hint = f'write "{text}/{32 if "." in text else 128}"' if cidr.address(text) else ""
        raise tokens.refused(f'"{text}" is not a valid CIDR', operand, hint=hint)
    within = Within(field, text)
    return Not(within) if negated else within


def _number(tokens: Tokens, token: Token) -> int:
    number = gotext.parse_integer(token.text)
    if number is None:
        raise tokens.refused("this number does not fit 64 bits", token)
    return number
