"""What an answer says that is not what was asked for; apart, as `top` needs no more of the API."""

from __future__ import annotations

import msgspec


class Failure(msgspec.Struct, frozen=True):
    """The body of an answer other than 200."""

    error: str
