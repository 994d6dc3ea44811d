"""What the languages of this package share: tokens, and refusals with a place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.predicate import regex

MAX_DEPTH = 50
"""How deep parentheses may nest."""


class RefusedError(ValueError):
    """A text that is not in the language: what was expected, and where (offset from 0)."""

    def __init__(self, message: str, text: str = "", offset: int = 0, hint: str = "") -> None:
        before = text[:offset]
        line, column = before.count("\n") + 1, offset - before.rfind("\n")
        place = f"line {line}, column {column}" if "\n" in text else f"column {column}"
        super().__init__(f"{place}: {message}" if text else message)
        self.hint = hint


class Token(NamedTuple):
    """A piece of a text. `kind` is the name of the group that matched; END is at the end."""

    kind: str
    text: str
    offset: int

    @property
    def shown(self) -> str:
        """The token as an error message names it."""
        return "the end" if self.kind == END else self.text


END = "end"


class Tokens:
    """A cursor over the tokens of a text.

    `pattern` has a named group for each kind of token; `skip` is left out and a token of the kind
    `bad_<what>` is refused with its reason in `bad`.
    """

    def __init__(self, text: str, pattern: re.Pattern[str], bad: dict[str, str]) -> None:
        self.text = text
        self._tokens = list(self._scan(pattern, bad))
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        """The token ahead."""
        return self._tokens[self._at]

    def take(self) -> Token:
        """The token ahead, passed."""
        token = self.next
        self._at += token.kind != END
        return token

    def accept(self, *texts: str) -> str:
        """The token ahead in lower case, passed if it is one of these; else nothing."""
        found = self.next.text.lower()
        if self.next.kind not in {"word", "operator"} or found not in texts:
            return ""
        self._at += 1
        return found

    def expect(self, text: str, *alternatives: str) -> None:
        """Pass the operator `text`; the alternatives only make the message complete."""
        if not self.accept(text):
            raise self.unexpected(*alternatives, f'"{text}"')

    def nest(self, change: int) -> None:
        """Enter (1) or leave (-1) a parenthesis."""
        self._depth += change
        if self._depth > MAX_DEPTH:
            raise self.refused(f"more than {MAX_DEPTH} nested levels")

    def refused(self, message: str, token: Token | None = None, hint: str = "") -> RefusedError:
        """An error at a token, the one ahead by default."""
        return RefusedError(message, self.text, (token or self.next).offset, hint)

    def unexpected(self, *expected: str, hint: str = "") -> RefusedError:
        """An error: something else should be ahead."""
        *most, last = expected
        wanted = f"{', '.join(most)} or {last}" if most else last
        return self.refused(f"expected {wanted}, found {self.next.shown}", hint=hint)

    def _scan(self, pattern: re.Pattern[str], bad: dict[str, str]) -> Iterator[Token]:
        offset = 0
        while offset < len(self.text):
            found = pattern.match(self.text, offset)
            if found is None:
                raise RefusedError(f"unexpected {self.text[offset]}", self.text, offset)
            kind = str(found.lastgroup)
            if kind in bad:
                raise RefusedError(bad[kind], self.text, offset)
            if kind != "skip":
                yield Token(kind, found.group(), offset)
            offset = found.end()
        yield Token(END, "", len(self.text))


def parsed_regex(tokens: Tokens, token: Token, pattern: str) -> str:
    """The pattern of a token. Raises RefusedError where it is not a valid regular expression."""
    if fault := regex.fault(pattern):
        raise tokens.refused(fault, token)
    return pattern
