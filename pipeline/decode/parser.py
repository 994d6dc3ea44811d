"""Protobuf payloads to columns, and which payloads are not messages."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl
import ptars
import pyarrow as pa
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError

_LARGE = 8192
_HUGE = re.compile(rb"[\x80-\xff]{9}")
"""A number of 2^63 or more: as a length, the fast parser panics of it."""
_REASON = "malformed, or nested too deeply"
Rejected = list[tuple[int, str]]


class Parser:
    """The parser of a message: fast, but it refuses a batch as a whole.

    A slower one with a limit on nesting keeps away what would overflow the stack of the fast one
    (some 100,000 nested groups), and guesses which payloads of a refused batch are the bad ones.
    Where the fast one panics, it has refused: a panic is no `Exception` and would end the process.
    """

    def __init__(self, message: Descriptor) -> None:
        handler = ptars.HandlerPool([message.file]).get_for_message(message)
        self._read_all = handler.list_to_record_batch
        self._read_one = message_factory.GetMessageClass(message).FromString

    def parse(self, payloads: list[bytes]) -> tuple[pl.DataFrame, Rejected]:
        """The wire columns of what parses, and the rest with the reason."""
        bad = dict.fromkeys((i for i in _large(payloads) if self._suspect(payloads[i])), _REASON)
        try:
            batch = self._read(_without(payloads, bad))
        except ValueError:
            rest = [index for index in range(len(payloads)) if index not in bad]
            suspects = [index for index in rest if self._suspect(payloads[index])]
            bad |= {index: _REASON for index in suspects if _HUGE.search(payloads[index])}
            suspects = [index for index in suspects if index not in bad]
            bad |= {i: reason for s in suspects for i, reason in self._bad(payloads, [s])}
            rest = [index for index in rest if index not in bad]
            bad |= dict(self._bad(payloads, rest))
            batch = self._read(_without(payloads, bad))
        return pl.DataFrame(pl.from_arrow(batch)), sorted(bad.items())

    def _read(self, payloads: list[bytes]) -> pa.RecordBatch:
        """The wire columns. Raises ValueError when a payload does not parse."""
        try:
            return self._read_all(payloads)
        except BaseException as error:
            if type(error).__name__ == "PanicException":
                raise ValueError(f"malformed: {error}") from error
            raise

    def _suspect(self, payload: bytes) -> bool:
        try:
            self._read_one(payload)
        except DecodeError:
            return True
        return False

    def _bad(self, payloads: list[bytes], places: list[int]) -> Iterator[tuple[int, str]]:
        """The payloads that do not parse on their own, found by halving."""
        try:
            self._read([payloads[index] for index in places])
        except ValueError as error:
            if len(places) == 1:
                yield places[0], str(error)
                return
            middle = len(places) // 2
            yield from self._bad(payloads, places[:middle])
            yield from self._bad(payloads, places[middle:])


def _large(payloads: list[bytes]) -> list[int]:
    if max(map(len, payloads), default=0) <= _LARGE:
        return []  # nearly always, at half the cost
    return [index for index, payload in enumerate(payloads) if len(payload) > _LARGE]


def _without(payloads: list[bytes], bad: dict[int, str]) -> list[bytes]:
    return [p for index, p in enumerate(payloads) if index not in bad] if bad else payloads
