"""Batches of flows to a real gRPC server: what arrives, what comes again, what is rejected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import polars as pl
import pytest

from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.genericmap import GenericMap
from pipeline.push.genericmap_client import GenericMapTarget, message
from tests.real.parts import free_port
from tests.support.certificates import Authority
from tests.support.generic_maps import collector

FLOWS = [f'{{"n":{number}}}' for number in range(200)]
BATCH = pl.DataFrame({"flow": FLOWS})


@contextmanager
def target(port: int, **fields: Any) -> Iterator[GenericMapTarget]:
    made = GenericMap(address=f"127.0.0.1:{port}", timeout=60.0, **fields).connect()
    try:
        yield made
    finally:
        made.close()


def test_every_flow_is_a_message() -> None:
    with collector() as received, target(received.port) as sender:
        sender.send(BATCH)
        assert sorted(received.flows) == sorted(FLOWS)
        assert received.calls == len(FLOWS)
        sender.send(BATCH.head(1))
        sender.send(BATCH.clear())
        assert received.calls == len(FLOWS) + 1


def test_one_call_at_a_time_keeps_the_order() -> None:
    with collector() as received, target(received.port, under_way=1) as sender:
        sender.send(BATCH)
        assert received.flows == FLOWS


def test_a_message_is_an_any_with_json() -> None:
    """As flowlogs-pipeline writes it: no type, and the text as the value."""
    assert message('{"a":1}') == b'\x0a\x09\x12\x07{"a":1}'


def test_when_a_batch_comes_again_only_what_is_left_is_sent() -> None:
    """Each flow arrives once, though the server was overloaded in between."""

    def at_times(number: int, _: str) -> grpc.StatusCode:
        busy = number in range(50, 60)
        return grpc.StatusCode.RESOURCE_EXHAUSTED if busy else grpc.StatusCode.OK

    with collector(at_times) as received, target(received.port, under_way=8) as sender:
        with pytest.raises(UnavailableError, match="RESOURCE_EXHAUSTED: not this one") as error:
            sender.send(BATCH)
        assert error.value.left == len(FLOWS) - len(received.flows)
        for _ in range(10):
            try:
                sender.send(BATCH)
            except UnavailableError:
                continue
            break
        assert sorted(received.flows) == sorted(FLOWS)


def test_flows_that_are_not_taken_are_counted_and_the_others_arrive() -> None:
    def choosy(_: int, flow: str) -> grpc.StatusCode:
        odd = flow.endswith("7}")
        return grpc.StatusCode.INVALID_ARGUMENT if odd else grpc.StatusCode.OK

    with collector(choosy) as received, target(received.port) as sender:
        with pytest.raises(RejectedError, match="INVALID_ARGUMENT: not this one") as error:
            sender.send(BATCH)
        assert error.value.flows == 20
        assert len(received.flows) == 180
        sender.send(BATCH.head(7))
        assert len(received.flows) == 187


def test_without_a_server() -> None:
    """And with one later, on the same connection."""
    port = free_port()
    with target(port) as sender:
        with pytest.raises(UnavailableError, match="UNAVAILABLE") as error:
            sender.send(BATCH)
        assert error.value.left == len(FLOWS)
        with collector(port=port) as received:
            while True:
                try:
                    sender.send(BATCH)
                except UnavailableError:
                    continue
                break
            assert sorted(received.flows) == sorted(FLOWS)


def test_tls_with_a_certificate_of_ours(tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ours")
    cert, key = ours.issue("server")
    own = dict(zip(("cert", "key"), map(str, ours.issue("client")), strict=True))
    credentials = grpc.ssl_server_credentials(
        [(key.read_bytes(), cert.read_bytes())], ours.certificate.read_bytes(), True
    )
    authority = str(ours.certificate.relative_to(tmp_path))
    with collector(credentials=credentials) as received:
        with target(received.port, ca=authority, folder=str(tmp_path), **own) as sender:
            sender.send(BATCH)
            assert len(received.flows) == len(FLOWS)
        with (
            target(received.port, ca=authority, folder=str(tmp_path)) as sender,
            pytest.raises(UnavailableError),
        ):
            sender.send(BATCH)
