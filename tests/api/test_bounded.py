"""Answers within a time in all and a size."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from urllib.request import build_opener

import pytest

from pipeline.api.bounded import Until, body
from tests.support.hostile import answered, hostile


def asked(url: str, largest: int, seconds: float) -> bytes:
    """What a server answers."""
    with build_opener(Until(time.monotonic() + seconds)).open(url, timeout=30) as answer:
        return bytes(body(answer, largest))


class Slowly:
    """Each piece after a moment, so that no read of it is long."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            time.sleep(0.05)
            yield piece


def test_an_answer_is_read_whole() -> None:
    with hostile([answered(b"x" * 3_000_000)]) as url:
        assert asked(url, 3_000_000, 60) == b"x" * 3_000_000


def test_one_that_is_longer_is_told() -> None:
    with (
        hostile(chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b"x" * 9_999))) as url,
        pytest.raises(ValueError, match="its answer is longer than 2 MB"),
    ):
        asked(url, 2 << 20, 60)


@pytest.mark.parametrize(
    "pieces",
    [
        repeat(b"H"),
        chain([b"HTTP/1.1 200 OK\r\n"], repeat(b"x")),
        chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b"x")),
        chain([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], repeat(b"1\r\nx\r\n")),
        chain([b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"], repeat(b"x")),
    ],
    ids=["status", "headers", "body", "chunks", "length"],
)
def test_a_server_that_trickles_has_no_more_time(pieces: Iterable[bytes]) -> None:
    """Wherever in its answer it does so: no read of it takes longer than a moment."""
    with (
        hostile(Slowly(pieces)) as url,
        pytest.raises(TimeoutError, match="its answer takes too long"),
    ):
        asked(url, 1 << 20, 0.5)


def test_redirects_have_no_time_of_their_own() -> None:
    endless: list[bytes] = []
    with hostile(Slowly(endless)) as url:
        moved = answered(b"", "302 Found", f"Location: {url}/again")
        endless += [moved[:9], moved[9:15], moved[15:]]
        with pytest.raises(TimeoutError, match="its answer takes too long"):
            asked(url, 1 << 20, 0.3)
