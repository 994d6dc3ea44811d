"""The tokens and the errors that the languages of this package share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.predicate import regex

MAX_DEPTH = 50
"""How deep parentheses may nest."""


class RefusedError(ValueError):
    """A text with a syntax error: the message, and the offset of the error (from 0)."""

    def __init__(self, message: str, text: str = "", offset: int = 0, hint: str = "") -> None:
        before = text[:offset]
        line, column = before.count("\n") + 1, offset - before.rfind("\n")
        place = f"line {line}, column {column}" if "\n" in text else f"column {column}"
        super().__init__(f"{place}: {message}" if text else message)
        self.hint = hint


class Token(NamedTuple):
    """A token of a text. `kind` is the name of the group that matched; END is the last token."""

    kind: str
    text: str
    offset: int

    @property
    def shown(self) -> str:
        """The token as it appears in an error message."""
        return "the end" if self.kind == END else self.text


END = "end"


class Tokens:
    """A cursor over the tokens of a text.

    `pattern` has a named group for each kind of token. Tokens of the kind `skip` are ignored; a
    token of the kind `bad_<what>` is an error, and `bad` has the message.
    """

    def __init__(self, text: str, pattern: re.Pattern[str], bad: dict[str, str]) -> None:
        self.text = text
        self._tokens = list(self._scan(pattern, bad))
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        """The next token, which stays the next one."""
        return self._tokens[self._at]

    def take(self) -> Token:
        """Consume the next token and return it."""
        token = self.next
        self._at += token.kind != END
        return token

    def accept(self, *texts: str) -> str:
        """Consume the next token if it is one of these; return it in lower case or ""."""
        text = self.next.text.lower()
        if self.next.kind not in {"word", "operator"} or text not in texts:
            return ""
        self._at += 1
        return text

    def expect(self, text: str, *alternatives: str) -> None:
        """Consume the operator `text`; `alternatives` are also named in the error message."""
        if not self.accept(text):
            raise self.unexpected(*alternatives, f'"{text}"')

    def nest(self, change: int) -> None:
        """Enter (1) or leave (-1) a parenthesis."""
        self._depth += change
        if self._depth > MAX_DEPTH:
            raise self.refused(f"more than {MAX_DEPTH} nested levels")

    def refused(self, message: str, token: Token | None = None, hint: str = "") -> RefusedError:
        """The error for a token, by default for the next one."""
        return RefusedError(message, self.text, (token or self.next).offset, hint)

    def unexpected(self, *expected: str, hint: str = "") -> RefusedError:
        """The error for a next token that is not one of the expected ones."""
        *most, last = expected
        wanted = f"{', '.join(most)} or {last}" if most else last
        return self.refused(f"expected {wanted}, found {self.next.shown}", hint=hint)

    def _scan(self, pattern: re.Pattern[str], bad: dict[str, str]) -> Iterator[Token]:
        offset = 0
        while offset < len(self.text):
            match = pattern.match(self.text, offset)
            if match is None:
                raise RefusedError(f"unexpected {self.text[offset]}", self.text, offset)
            kind = str(match.lastgroup)
            if kind in bad:
                raise RefusedError(bad[kind], self.text, offset)
            if kind != "skip":
                yield Token(kind, match.group(), offset)
            offset = match.end()
        yield Token(END, "", len(self.text))


def parsed_regex(tokens: Tokens, token: Token, pattern: str) -> str:
    """The regex of a token. Raises RefusedError when it is not a valid regular expression."""
    if fault := regex.fault(pattern):
        raise tokens.refused(fault, token)
    return pattern
