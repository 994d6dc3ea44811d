r"""Regular expressions as Go's `regexp` reads them, on the RE2 library.

Go's package and RE2 share one syntax (https://github.com/google/re2/wiki/Syntax): `\d`, `\w`, `\s`
and `\b` are ASCII, a `{` that begins no repetition is a literal, a repetition is at most 1000.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import polars as pl
import re2

from pipeline.flows import values

_MEMORY = 64 << 20
"""Memory limit of one pattern; with RE2's default of 8 MiB it refuses patterns of Go."""

_LARGEST = 1000
"""The most repetitions; RE2 reads a number beyond 32 bits as literal text, Go refuses it."""

_PIECE = re.compile(
    r"""
      (?P<escape>\\Q.*?(?:\\E|\Z) | \\.)
    | \[\^?\]?(?:\[:\^?[a-z]+:\] | \\. | [^\]\\])*\]
    | \(\?P?<(?P<group>[^>]*)>
    | (?P<repetition>\{[1-9][0-9]*(?:,[0-9]*)?\} | \{0,[0-9]+\})
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_ABSENT = {
    r"perl operator: \(\?<?[=!]": "RE2 has no look-around",
    r"escape sequence: \\[1-9]$": "RE2 has no backreferences",
    r"range: \\[pP]": "RE2 knows categories by their short names, such as \\pL",
}
"""Notes on RE2's reasons, for patterns that use features of other languages."""


class Regex(NamedTuple):
    """A function that searches a text (UTF-8), or the reason why the pattern is refused."""

    search: Callable[[bytes], object] | None
    reason: str = ""


@lru_cache(maxsize=4096)
def parse(pattern: str) -> Regex:
    """The pattern, compiled once."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(pattern.encode(errors="replace"), options)
    except re2.error as error:
        return Regex(None, _explained(error.args[0].decode(errors="replace")))
    reason = _not_in_go(pattern)
    return Regex(None if reason else compiled.search, reason)


def fault(pattern: str) -> str:
    """The reason for refusing the pattern; an empty text when it is valid."""
    reason = parse(pattern).reason
    return f'"{pattern}" is not a valid regular expression: {reason}' if reason else ""


def search(text: pl.Expr, pattern: str) -> pl.Expr:
    """Boolean: whether the pattern is found in the text (String); null when the text is null.

    Raises ValueError for a pattern with a `fault`.
    """
    find = parse(pattern).search
    if find is None:
        raise ValueError(fault(pattern))
    return values.distinct(text.cast(pl.Binary), lambda key: find(key) is not None, pl.Boolean())


def _not_in_go(pattern: str) -> str:
    """The reason why Go refuses a pattern of RE2: a byte, a huge number, a non-ASCII name."""
    for piece in _PIECE.finditer(pattern):
        if piece["escape"] == r"\C":
            return r"invalid escape sequence: \C"
        sizes = map(int, re.findall("[0-9]+", piece["repetition"] or ""))
        if max(sizes, default=0) > _LARGEST:
            return f"invalid repetition size: {piece['repetition']}"
        if piece["group"] and not piece["group"].isascii():
            return f"invalid named capture group: {piece['group']}"
    return ""


def _explained(reason: str) -> str:
    notes = [note for known, note in _ABSENT.items() if re.search(known, reason)]
    return f"{reason} ({notes[0]})" if notes else reason
