"""Agents: their messages, and a real gRPC client that sends them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory

from pipeline.decode.record import descriptor

_RECORD = message_factory.GetMessageClass(descriptor())
_SECONDS = 120.0


def record(source: int, **fields: int) -> bytes:
    """A `pbflow.Record` of TCP from the IPv4 address of this number to port 443 of 0.0.0.2."""
    made: Any = _RECORD(eth_protocol=0x0800, packets=1, **fields)
    made.network.src_addr.ipv4 = source
    made.network.dst_addr.ipv4 = 2
    made.transport.protocol = 6
    made.transport.dst_port = 443
    data: bytes = made.SerializeToString()
    return data


def records(entries: Iterable[bytes]) -> bytes:
    """A `pbflow.Records` of them."""
    return b"".join(b"\x0a" + _size(len(entry)) + entry for entry in entries)


def _size(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _size(high) if high else bytes([low])


class Agent:
    """A connection to a collector, or to a list of them."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._send: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        self._check: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        self._send = channel.unary_unary("/pbflow.Collector/Send")
        self._check = channel.unary_unary("/grpc.health.v1.Health/Check")

    def send(self, message: bytes, seconds: float = _SECONDS) -> bytes:
        """The reply. Raises grpc.RpcError."""
        reply: bytes = self._send(message, timeout=seconds, wait_for_ready=True)
        return reply

    def begin(self, message: bytes, seconds: float = _SECONDS) -> Any:
        """A call under way."""
        return self._send.future(message, timeout=seconds, wait_for_ready=True)

    def status(self, message: bytes) -> tuple[grpc.StatusCode, str]:
        """How a call ends that is not answered with OK."""
        try:
            self.send(message)
        except grpc.RpcError as error:
            return error.code(), error.details() or ""
        return grpc.StatusCode.OK, ""

    def health(self) -> bytes:
        """The answer to a health check."""
        reply: bytes = self._check(b"", timeout=_SECONDS, wait_for_ready=True)
        return reply


@contextmanager
def agent(*ports: int, credentials: grpc.ChannelCredentials | None = None) -> Iterator[Agent]:
    """An agent of the collectors on these ports of this machine, which it uses in turn."""
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    options = [
        ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.max_send_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.default_authority", "127.0.0.1"),
    ]
    if credentials is None:
        channel = grpc.insecure_channel(target, options)
    else:
        channel = grpc.secure_channel(target, credentials, options)
    with channel:
        yield Agent(channel)


def trust(authority: Path, pair: tuple[Path, Path] | None = None) -> grpc.ChannelCredentials:
    """What an agent trusts, and its own certificate and key."""
    cert, key = (path.read_bytes() for path in pair) if pair else (None, None)
    return grpc.ssl_channel_credentials(authority.read_bytes(), key, cert)
