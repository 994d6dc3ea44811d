"""Logs and traces on their way to a receiver that has the types of OpenTelemetry's collector."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import polars as pl
import pytest

from pipeline.push.destination import RejectedError, Terms, UnavailableError
from pipeline.push.otlp import Otlp, Protocol, Signal
from pipeline.push.otlp_client import _check
from pipeline.push.sender import Sender
from tests.push.support import Measured
from tests.real.parts import free_port
from tests.real.push_receiver import PushReceiver
from tests.support.hostile import answered, hostile

FLOWS = pl.DataFrame({"SrcAddr": ["10.0.0.1", "10.0.0.2"], "Bytes": [7, 8]})


@pytest.fixture(params=["grpc", "http"])
def receiver(
    request: pytest.FixtureRequest, push_receiver: PushReceiver
) -> Iterator[tuple[PushReceiver, Protocol]]:
    push_receiver.answer()
    yield push_receiver, request.param
    push_receiver.answer()


def to(server: PushReceiver, protocol: Protocol, signal: Signal = "logs", **more: Any) -> Otlp:
    port = server.grpc_port if protocol == "grpc" else server.port
    address = f"127.0.0.1:{port}"
    return Otlp(address=address, signal=signal, protocol=protocol, service="netobserv-otlp", **more)


def test_logs_arrive(receiver: tuple[PushReceiver, Protocol]) -> None:
    server, protocol = receiver
    target = to(server, protocol, headers=(("X-Team", "a"),)).connect()
    target.send(FLOWS)
    (got,) = server.received(1)
    assert (got.path, got.headers["x-team"]) == ("/v1/logs", "a")
    (resource,) = got.body["resourceLogs"]
    said = {one["key"]: one["value"] for one in resource["resource"]["attributes"]}
    assert said == {
        "service.name": {"stringValue": "netobserv-otlp"},
        "service.version": {"stringValue": version("flowmatrix")},
    }
    (scope,) = resource["scopeLogs"]
    assert scope["scope"]["name"] == "flp-otlp-logger"
    assert [one["body"]["stringValue"] for one in scope["logRecords"]] == [
        '{"Bytes":7,"SrcAddr":"10.0.0.1"}',
        '{"Bytes":8,"SrcAddr":"10.0.0.2"}',
    ]
    assert {"key": "Bytes", "value": {"intValue": "7"}} in scope["logRecords"][0]["attributes"]
    target.close()


def test_traces_arrive(receiver: tuple[PushReceiver, Protocol]) -> None:
    server, protocol = receiver
    to(server, protocol, "traces", splitter=("Src",)).connect().send(FLOWS)
    (got,) = server.received(1)
    assert got.path == "/v1/traces"
    (scope,) = got.body["resourceSpans"][0]["scopeSpans"]
    assert scope["scope"]["name"] == "flp_tracer"
    assert [one["name"] for one in scope["spans"]] == ["flp_encode", "flp_encode", "Src", "Src"]


def test_a_receiver_that_is_busy(receiver: tuple[PushReceiver, Protocol]) -> None:
    """It gets the batch again; one that it rejects is lost."""
    server, protocol = receiver
    server.answer(503, 429, 200, 400)
    quick = Terms(batch_flows=1, batch_wait=0.01, min_backoff=0.001, max_backoff=0.01, flush=20)
    measured = Measured()
    sender = Sender("out", to(server, protocol, terms=quick), measured)
    sender.put(FLOWS)
    sender.close()
    assert measured.flows() == (1, 1, 0)
    assert [one.status for one in server.received()] == [503, 429, 200, 400]


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_nobody_is_there(protocol: Protocol) -> None:
    address = f"127.0.0.1:{free_port()}"
    target = Otlp(address=address, signal="logs", protocol=protocol, timeout=60).connect()
    with pytest.raises(UnavailableError):
        target.send(FLOWS)
    target.close()


def test_what_a_receiver_leaves_out() -> None:
    _check(0, "a warning")
    with pytest.raises(RejectedError, match="too large") as error:
        _check(2, "too large")
    assert error.value.flows == 2


@pytest.mark.parametrize("signal", ["logs", "traces"])
def test_what_answers_is_no_receiver(signal: Signal) -> None:
    """A proxy with a page to log in, say: nothing says that the flows were taken."""
    with hostile([answered(b"not \x1b[31mOTLP!")]) as url:
        target = Otlp(address=url.removeprefix("http://"), signal=signal, protocol="http").connect()
        with pytest.raises(RejectedError, match=r"no answer of a receiver of OTLP: not .\[31mOTLP"):
            target.send(FLOWS)
        target.close()
