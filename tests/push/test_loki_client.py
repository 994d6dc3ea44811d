"""Lines on their way to a server that reads them as Loki does."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.push.destination import RejectedError, Terms, UnavailableError
from pipeline.push.http import Authorization, Http
from pipeline.push.loki import LINE, STREAM, TIME, Loki
from pipeline.push.sender import Sender
from tests.push.support import Measured
from tests.real.parts import free_port
from tests.real.push_receiver import PushReceiver

A, B = '{a="1", b="x\\"y"}', "{}"
LINES = pl.DataFrame(
    {
        STREAM: [A, B, A],
        TIME: [1_761_645_605_456_000_001, -1, 0],
        LINE: ["x" * 3000, '{"k":"é"}', ""],
    }
)


@pytest.fixture
def loki(push_receiver: PushReceiver) -> Iterator[PushReceiver]:
    push_receiver.answer()
    yield push_receiver
    push_receiver.answer()


def streams(body: list[dict[str, Any]]) -> dict[str, list[tuple[int, str]]]:
    return {one["labels"]: [(e["ns"], e["line"]) for e in one["entries"]] for one in body}


def test_lines_arrive_by_streams(loki: PushReceiver) -> None:
    """In snappy and protobuf, to the nanosecond, each stream in its order."""
    target = Loki(address=loki.url + "/", tenant="team").connect()
    target.send(LINES)
    (got,) = loki.received(1)
    assert got.path == "/loki/api/v1/push"
    assert got.headers["content-type"] == "application/x-protobuf"
    assert got.headers["x-scope-orgid"] == "team"
    assert got.headers["user-agent"].startswith("flowmatrix")
    assert streams(got.body) == {
        A: [(1_761_645_605_456_000_001, "x" * 3000), (0, "")],
        B: [(-1, '{"k":"é"}')],
    }
    target.close()


def test_a_line_without_a_time_has_that_of_the_request(loki: PushReceiver) -> None:
    before = time.time_ns()
    Loki(address=loki.url).connect().send(LINES.with_columns(pl.lit(None, pl.Int64).alias(TIME)))
    (got,) = loki.received(1)
    assert "x-scope-orgid" not in got.headers
    assert before <= streams(got.body)[B][0][0] <= time.time_ns()


@pytest.mark.parametrize("status", [429, 500, 503, 408])
def test_answers_after_which_it_is_sent_again(loki: PushReceiver, status: int) -> None:
    target = Loki(address=loki.url).connect()
    loki.answer(status)
    with pytest.raises(UnavailableError, match=f"^{status} answer {status}$") as error:
        target.send(LINES)
    assert error.value.after == (0.0 if status == 429 else None)
    target.send(LINES)
    assert [one.status for one in loki.received(2)] == [status, 204]


@pytest.mark.parametrize("status", [400, 401, 413, 301])
def test_answers_that_reject(loki: PushReceiver, status: int) -> None:
    """A redirect, too: a login would go along with it."""
    loki.answer(status)
    with pytest.raises(RejectedError, match=f"^{status} answer {status}$"):
        Loki(address=loki.url).connect().send(LINES)


def test_in_turn(loki: PushReceiver) -> None:
    """429 and 500 are tried again, 400 is lost, and the next batch arrives."""
    loki.answer(429, 500, 204, 400)
    quick = Terms(batch_flows=2, batch_wait=0.01, min_backoff=0.001, max_backoff=0.01, flush=20)
    measured = Measured()
    sender = Sender("out", Loki(address=loki.url, terms=quick, weighed=LINE), measured)
    for _ in range(2):
        sender.put(LINES)
    sender.close()
    assert measured.flows() == (4, 2, 0)
    assert measured.values["write_retries"] == 2
    assert [one.status for one in loki.received()] == [429, 500, 204, 400, 204]


def test_nobody_is_there() -> None:
    port = free_port()
    with pytest.raises(UnavailableError, match="Connection refused"):
        Loki(address=f"http://127.0.0.1:{port}").connect().send(LINES)


def test_a_server_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnavailableError, match="timed out"):
            Loki(address=address, timeout=0.1).connect().send(LINES)


def test_who_asks(loki: PushReceiver, tmp_path: Path) -> None:
    """The content of a file, without what stands around it."""
    (tmp_path / "token").write_text("sesame\n")
    http = Http(authorization=Authorization(credentials_file="token"), headers={"X-A": "b"})
    Loki(address=loki.url, http=http, folder=str(tmp_path)).connect().send(LINES)
    (got,) = loki.received(1)
    assert (got.headers["authorization"], got.headers["x-a"]) == ("Bearer sesame", "b")
