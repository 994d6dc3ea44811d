"""Answers over HTTP that have come by a time: of urllib3, and of those that have no end."""

from __future__ import annotations

from http.client import HTTPResponse
from itertools import repeat

import pytest
import urllib3

from pipeline.timing.deadline import keep, within
from tests.support.hostile import TRICKLING, Slowly, hostile, trickling


def read(pool: urllib3.PoolManager, url: str) -> bytes:
    return pool.request("GET", url, timeout=30, retries=False, preload_content=False).read()


@pytest.mark.parametrize("place", TRICKLING)
@pytest.mark.parametrize("proxied", [False, True])
def test_a_server_that_trickles_has_no_more_time(place: str, *, proxied: bool) -> None:
    """Wherever in its answer it does so; so does a proxy. What was there before is not changed."""
    with hostile(trickling(place)) as url:
        pool = urllib3.ProxyManager(url) if proxied else urllib3.PoolManager()
        keep(pool)
        with (
            pytest.raises((urllib3.exceptions.HTTPError, OSError)) as caught,
            within(2.0),
        ):
            read(pool, "http://127.0.0.1:1/" if proxied else url)
    reasons = [str(caught.value)]
    cause: BaseException | None = caught.value
    while (cause := cause and (cause.__cause__ or cause.__context__)) is not None:
        reasons.append(str(cause))
    assert "its answer takes too long" in reasons
    assert urllib3.connection.HTTPConnection.response_class is HTTPResponse


def test_a_deadline_is_lifted_for_what_has_no_end() -> None:
    """The head of a watch has come in time; its events may come later."""
    pieces = [b"HTTP/1.1 200 OK\r\n\r\n", *repeat(b"x", 50)]
    pool = urllib3.PoolManager()
    keep(pool)
    with hostile(Slowly(pieces)) as url, within(2.0) as deadline:
        answer = pool.request("GET", url, timeout=30, retries=False, preload_content=False)
        deadline.lift()
        assert answer.read() == b"x" * 50
