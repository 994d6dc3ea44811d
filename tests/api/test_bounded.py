"""Answers within a time in all and a size, and what is said of those that are none."""

from __future__ import annotations

from itertools import chain, repeat
from urllib.request import Request

import pytest

from pipeline.api.bounded import AnswerError, asked
from tests.support.hostile import TRICKLING, Slowly, answered, hostile, trickling


def ask(url: str, largest: int, seconds: float) -> bytes:
    """What a server answers."""
    return bytes(asked(Request(url), seconds, largest, lambda _, body: body.decode()))


def test_an_answer_is_read_whole() -> None:
    with hostile([answered(b"x" * 3_000_000)]) as url:
        assert ask(url, 3_000_000, 60) == b"x" * 3_000_000


def test_one_that_is_longer_is_told() -> None:
    with (
        hostile(chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b"x" * 9_999))) as url,
        pytest.raises(AnswerError, match="its answer is longer than 2 MB"),
    ):
        ask(url, 2 << 20, 60)


@pytest.mark.parametrize("place", TRICKLING)
def test_a_server_that_trickles_has_no_more_time(place: str) -> None:
    """Wherever in its answer it does so: no read of it takes longer than a moment."""
    with (
        hostile(trickling(place)) as url,
        pytest.raises(AnswerError, match="its answer takes too long"),
    ):
        ask(url, 1 << 20, 2.0)


def test_redirects_have_no_time_of_their_own() -> None:
    endless: list[bytes] = []
    with hostile(Slowly(endless)) as url:
        moved = answered(b"", "302 Found", f"Location: {url}/again")
        endless += [moved[:9], moved[9:15], moved[15:]]
        with pytest.raises(AnswerError, match="its answer takes too long"):
            ask(url, 1 << 20, 0.5)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"no\x1b]0;x\x07", "no\ufffd]0;x\ufffd"),
        (b"a" * 5_000, "a" * 1_000),
        (b"\xff", "HTTP Error 503"),
    ],
)
def test_a_reason_is_told_in_part_and_printable(body: bytes, told: str) -> None:
    with (
        hostile([answered(body, "503 Busy")]) as url,
        pytest.raises(AnswerError) as caught,
    ):
        ask(url, 100, 60)
    assert str(caught.value).startswith(told)
    assert len(str(caught.value)) <= 1_000
