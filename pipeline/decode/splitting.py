"""What cuts bytes into payloads gives, and how it says what it cannot cut."""

from __future__ import annotations

from typing import Protocol

MAX_BYTES = 16 << 20
"""No payload may be longer."""

Split = tuple[list[bytes], int]
"""Payloads, and the offset up to which the bytes are used."""


class Splitter(Protocol):
    """A way to cut bytes; `whole` says that no more will come."""

    def __call__(self, data: bytes, *, whole: bool) -> Split:
        """The payloads that are complete, and how many bytes they took."""


class Damaged(bytes):
    """Bytes that are not a payload, and the reason; `last` when nothing behind them can be read.

    Also without any bytes it is true: a message that is empty is passed over, this is rejected.
    """

    reason: str
    last: bool

    def __bool__(self) -> bool:
        return True

    @classmethod
    def because(cls, data: bytes, reason: str, *, last: bool) -> Damaged:
        """The bytes with the reason they are rejected for."""
        damaged = cls(data)
        damaged.reason, damaged.last = reason, last
        return damaged
