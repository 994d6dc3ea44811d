"""The expressions of add_field_if and add_label_if, on one value called `val`.

Source: docs/reference/transforms.md#expressions.
An expression continues `val `: `== 443`, `in (6, 17)`, `>= 10 && val < 11`, `=~ "^(shop|data)$"`.
Weakest first: `||`, `&&`, comparisons (`== != < <= > >= =~ !~ in`), `+ -`, `* / %`, `**`, then
`!` and `-` before a value. Equal values have the same kind. `<` and its like compare two numbers or
two texts; `=~` needs a text; `+` joins texts when one side is a text. Other operands are an error,
and an error that is reached makes the expression undecided. Texts are in single or double quotes;
a backslash in a text means that the next character is literal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import polars as pl

from pipeline.diagnostics import ConfigPath, Problem, warning
from pipeline.predicate.operand import Operand
from pipeline.predicate.syntax import RefusedError, Tokens, parsed_regex
from pipeline.predicate.term import (
    ORDER,
    Among,
    Arithmetic,
    Constant,
    Junction,
    Negative,
    Ordering,
    Search,
    Term,
    Val,
)

_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!=", "=~", "!~", "in", *ORDER),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)
_BOOLEANS = {"true": True, "false": False}

_TOKEN = re.compile(
    r"""
      (?P<skip>\s+)
    | (?P<number>0[xX][0-9a-fA-F]{1,16}|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)
    | (?P<word>[^\W\d]\w*)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<bad_text>["'])
    | (?P<operator>==|!=|=~|!~|<=|>=|&&|\|\||\*\*|[-+*/%<>!(),])
    """,
    re.VERBOSE | re.DOTALL,
)
_BAD = {"bad_text": "this text does not end"}


def parse(text: str) -> Term:
    """The expression `val <text>`. Raises RefusedError with the position and the expected token."""
    tokens = Tokens(text, _TOKEN, _BAD)
    node = _rest(tokens, Val(), 0)
    if tokens.next.kind != "end":
        raise tokens.unexpected("an operator", "the end")
    if isinstance(node, Arithmetic) or (isinstance(node, Negative) and node.sign == "-"):
        raise RefusedError("this gives no boolean", hint="compare it with something")
    return node


def holds(text: str) -> Callable[[Operand], pl.Expr] | None:
    """A function to a Boolean (never null): the expression is true. None when it is refused."""
    try:
        node = parse(text)
    except RefusedError:
        return None

    def test(val: Operand) -> pl.Expr:
        flag = node.operand(val).flag
        return pl.lit(False) if flag is None else flag.fill_null(value=False)

    return test


def problems(text: str, path: ConfigPath) -> Iterator[Problem]:
    """A warning when an expression is refused: its rule has no effect, as in the original."""
    try:
        parse(text)
    except RefusedError as error:
        yield warning(path, f"this rule has no effect: {error}", error.hint)


def _rest(tokens: Tokens, first: Term | None, level: int) -> Term:
    """The operations after `first` (or a value read here) at this and the tighter levels."""
    if level == len(_LEVELS):
        return first or _value(tokens)
    node = _rest(tokens, first, level + 1)
    while sign := tokens.accept(*_LEVELS[level]):
        node = _joined(tokens, node, sign, level)
    return node


def _joined(tokens: Tokens, left: Term, sign: str, level: int) -> Term:
    if sign == "in":
        return Among(left, _list(tokens))
    if sign in {"=~", "!~"}:
        token = tokens.next
        if token.kind != "text":
            raise tokens.unexpected("a quoted regular expression")
        search = Search(left, parsed_regex(tokens, tokens.take(), _unquoted(token.text)))
        return Negative("!", search) if sign == "!~" else search
    right = _rest(tokens, None, level + 1)
    if sign in {"&&", "||"}:
        return Junction(sign, left, right)
    if sign in {"==", "!="}:
        same = Among(left, (right,))
        return Negative("!", same) if sign == "!=" else same
    kind = Ordering if sign in ORDER else Arithmetic
    return kind(sign, left, right)


def _list(tokens: Tokens) -> tuple[Term, ...]:
    tokens.expect("(")
    tokens.nest(1)
    choices = [_rest(tokens, None, 0)]
    while tokens.accept(","):
        choices.append(_rest(tokens, None, 0))
    tokens.expect(")", '","')
    tokens.nest(-1)
    return tuple(choices)


def _value(tokens: Tokens) -> Term:
    if sign := tokens.accept("!", "-"):
        tokens.nest(1)
        node: Term = Negative(sign, _value(tokens))
        tokens.nest(-1)
        return node
    if tokens.accept("("):
        tokens.nest(1)
        node = _rest(tokens, None, 0)
        tokens.expect(")")
        tokens.nest(-1)
        return node
    token = tokens.next
    if token.kind == "number":
        text = tokens.take().text
        return Constant(float.fromhex(text) if text[1:2] in {"x", "X"} else float(text))
    if token.kind == "text":
        return Constant(_unquoted(tokens.take().text))
    if token.kind == "word" and token.text in _BOOLEANS:
        return Constant(_BOOLEANS[tokens.take().text])
    if token.kind == "word" and token.text == "val":
        tokens.take()
        return Val()
    raise tokens.unexpected('"val"', "a number", "a quoted text", "true", "false", '"("')


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
