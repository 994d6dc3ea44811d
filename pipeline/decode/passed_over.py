"""Which JSON payloads must be read whole, although most of their fields are not needed.

A reader of some fields passes over the others. `objects.parse` reads them, and rejects a payload
for a reserved name, a number beyond a double, or deep nesting. Payloads where one of these may
stand are found here. To be found does not mean that a payload is wrong.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

_MAX_BRACKETS = 100
"""As many as levels may be nested."""

_RARE = (b"\\", b"*", b"^")
_MARKS = (b"\\u", b'"*"', b'"^')
"""Escapes may hide a reserved name."""

_BEYOND = re.compile(rb"[:,\[\s]-?[0-9.]+[eE]\+?[0-9]{3}|[0-9]{180}")
"""A number without such an exponent, and without so many digits, is not beyond a double."""

_STEP, _RUN = 25, b"0" * 8
"""200 digits in a row, or about as many, are so many samples, of which each is a digit."""

_DIGITS = bytes(48 if 48 <= byte < 58 else byte for byte in range(256))

Places = NDArray[np.intp]
_Bytes = NDArray[np.uint8]


def suspects(payloads: list[bytes]) -> Places:
    """The places of the payloads that must be read whole, in order."""
    together = b"".join(payloads)
    lengths = np.fromiter(map(len, payloads), np.intp, len(payloads))
    ends = np.cumsum(lengths)
    characters = np.frombuffer(together, np.uint8)
    found = [_nested(characters, lengths, ends)]
    numbers = np.searchsorted(ends, _exponents(characters), side="right")
    if _RUN in together[::_STEP].translate(_DIGITS):
        numbers = np.arange(len(payloads))
    if len(numbers):
        beyond = [bool(_BEYOND.search(payloads[place])) for place in numbers.tolist()]
        found.append(numbers[beyond])
    if any(byte in together for byte in _RARE):
        texts = pl.Series(payloads, dtype=pl.Binary)
        found += [texts.bin.contains(mark).arg_true().to_numpy() for mark in _MARKS]
    return np.unique(np.concatenate(found)).astype(np.intp)


def _nested(characters: _Bytes, lengths: Places, ends: Places) -> Places:
    """Which payloads have many brackets."""
    brackets = np.flatnonzero((characters | 0x20) == ord("{"))  # or [
    if (brackets[_MAX_BRACKETS:] - brackets[:-_MAX_BRACKETS] >= lengths.max(initial=0)).all():
        return np.empty(0, np.intp)
    counts = np.diff(np.searchsorted(brackets, ends), prepend=0)
    return np.flatnonzero(counts > _MAX_BRACKETS)


def _exponents(characters: _Bytes) -> Places:
    """Where a digit stands before an e, and three digits, or a plus and two, behind it."""
    digits = (characters - ord("0")) < 10
    marks = (characters[1:-3] | 0x20) == ord("e")
    marks &= digits[:-4] & digits[3:-1] & digits[4:]
    places = np.flatnonzero(marks) + 1
    found: Places = places[digits[places + 1] | (characters[places + 1] == ord("+"))]
    return found
