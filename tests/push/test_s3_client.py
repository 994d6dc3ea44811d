"""Objects in a real S3 server, as the original names and fills them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.push.destination import Terms, UnavailableError
from pipeline.push.s3 import S3
from pipeline.push.s3_client import S3Target
from pipeline.push.sender import Sender
from tests.push.support import Measured
from tests.real.s3_server import ACCESS, BUCKET, SECRET, S3Server

FLOWS = pl.DataFrame({"SrcAddr": ["10.0.0.1", "10.0.0.2"], "Bytes": [7, 8]})
BEGUN = datetime(2026, 3, 4, 23, 59, 58, 900_000, tzinfo=UTC)


class Clock:
    """A second later each time it is looked at."""

    def __init__(self) -> None:
        self.now = BEGUN - timedelta(seconds=1)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def account(request: pytest.FixtureRequest) -> str:
    """Each test has objects of its own."""
    return str(request.node.name)


def to(server: S3Server, account: str, **more: Any) -> S3:
    given = {"account": account, "bucket": BUCKET, "secret_access_key": SECRET} | more
    endpoint = f"127.0.0.1:{server.port}"
    return S3(address="s3", endpoint=endpoint, access_key_id=ACCESS, **given)


def mine(server: S3Server, account: str) -> dict[str, str]:
    start = f"{account}/"
    return {n.removeprefix(start): t for n, t in server.objects().items() if n.startswith(start)}


def test_objects(s3_server: S3Server, account: str) -> None:
    """Numbered, by the hour, with the time since the last one; what users add is in each."""
    target = S3Target(to(s3_server, account, header={"site": "x", "n": 1}), Clock())
    target.send(FLOWS)
    target.send(FLOWS.head(1))
    target.close()
    found = mine(s3_server, account)
    stream = "stream-id=2026-03-04T23:59:58Z"
    first = f"year=2026/month=03/day=05/hour=00/{stream}/00000000"
    second = f"year=2026/month=03/day=05/hour=00/{stream}/00000001"
    assert list(found) == [first, second]
    assert found[first] == (
        '{"capture_end_time":"2026-03-05T00:00:00Z","capture_start_time":"2026-03-04T23:59:59Z",'
        '"flow_logs":[{"Bytes":7,"SrcAddr":"10.0.0.1"},{"Bytes":8,"SrcAddr":"10.0.0.2"}],'
        '"n":1,"number_of_flow_logs":2,"site":"x","version":"v0.1"}\n'
    )
    last = json.loads(found[second])
    assert last["capture_start_time"] == "2026-03-05T00:00:00Z"
    assert (last["number_of_flow_logs"], len(last["flow_logs"])) == (1, 1)


def test_a_large_object(s3_server: S3Server, account: str) -> None:
    """In several parts."""
    flows = pl.DataFrame({"n": range(300_000), "text": ["x" * 50] * 300_000})
    S3Target(to(s3_server, account)).send(flows)
    (text,) = mine(s3_server, account).values()
    assert [flow["n"] for flow in json.loads(text)["flow_logs"]] == [*range(300_000)]


def test_what_is_wrong_is_worth_another_attempt(s3_server: S3Server, account: str) -> None:
    """The reason is told, and the secret is not."""
    for more, reason in (
        ({"bucket": "missing"}, "NO_SUCH_BUCKET|NoSuchBucket|does not exist"),
        ({"secret_access_key": "wrong-secret"}, "SIGNATURE|Signature|signature"),
    ):
        with pytest.raises(UnavailableError, match=reason) as error:
            S3Target(to(s3_server, account, **more)).send(FLOWS)
        assert "secret" not in str(error.value)


def test_a_server_that_comes_later(tmp_path: Path, account: str) -> None:
    """The batch is written once, under its first name."""
    own = S3Server(tmp_path)
    target = S3Target(to(own, account), Clock())
    for _ in range(2):
        with pytest.raises(UnavailableError):
            target.send(FLOWS)
    with own:
        own.begin()
        target.send(FLOWS)
        (name,) = mine(own, account)
    assert name.endswith("stream-id=2026-03-04T23:59:58Z/00000000")


def test_through_a_queue(s3_server: S3Server, account: str) -> None:
    """Objects of so many flows; the end writes the rest."""
    measured = Measured()
    sender = Sender(
        "out", to(s3_server, account, terms=Terms(batch_flows=3, batch_wait=60, flush=60)), measured
    )
    for _ in range(4):
        sender.put(FLOWS)
    sender.close()
    assert measured.flows() == (8, 0, 0)
    assert [json.loads(t)["number_of_flow_logs"] for t in mine(s3_server, account).values()] == [
        3,
        3,
        2,
    ]
