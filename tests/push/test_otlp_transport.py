"""Both ways of OTLP to a receiver that has the types of OpenTelemetry's collector."""

from __future__ import annotations

import pytest

from pipeline.push.otlp import Otlp, Protocol, Signal
from pipeline.push.otlp_transport import transport
from tests.real.push_receiver import PushReceiver


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
def test_an_empty_request_of_each_signal(
    push_receiver: PushReceiver, protocol: Protocol, signal: Signal
) -> None:
    push_receiver.answer()
    port = push_receiver.grpc_port if protocol == "grpc" else push_receiver.port
    way = transport(Otlp(address=f"127.0.0.1:{port}", signal=signal, protocol=protocol))
    assert way.post(b"") in (b"", b"\n\x00"), "an empty answer, or one that nothing was left out"
    way.close()
    assert [one.path for one in push_receiver.received(1)] == [f"/v1/{signal}"]
