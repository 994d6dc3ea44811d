"""A collector that flows are sent to as IPFIX, over TCP or UDP (RFC 7011, section 10)."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator

import polars as pl

from pipeline.netflow.records import IPV4, IPV6, records, template
from pipeline.push.destination import Destination, UnavailableError

_DOMAIN = 1
_LARGEST = {"udp": 1400, "tcp": 16_000}
"""Bytes of a message: over UDP, what a packet of Ethernet takes."""
_TEMPLATES = 2
_TIMEOUT = 10.0  # seconds
_WRAP = 1 << 32


class Collector(Destination, frozen=True, kw_only=True):
    """A collector at `host` and `port`.

    `enterprise` is that of the elements which IANA does not define; 0: they are not sent. Over UDP
    the templates are sent again every `interval` seconds.
    """

    host: str
    port: int
    transport: str
    enterprise: int
    interval: float

    def connect(self) -> Exporter:
        """A connection, which is opened when the first batch is sent."""
        return Exporter(self)


class Exporter:
    """The connection. Over TCP, records of a batch that is sent again may come twice."""

    def __init__(self, to: Collector) -> None:
        self._to = to
        self._socket: socket.socket | None = None
        self._sequence = 0
        self._told = 0.0

    def send(self, flows: pl.DataFrame) -> None:
        """Send a batch. Raises UnavailableError when there is no connection."""
        try:
            sock = self._connect()
            for message in self._messages(flows):
                sock.sendall(message)
        except OSError as error:
            self.close()
            where = f"{self._to.transport} {self._to.host}:{self._to.port}"
            raise UnavailableError(f"{where}: {error.strerror or error}") from error

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        if self._socket is not None and not self._has_ended(self._socket):
            return self._socket
        self.close()
        kind = socket.SOCK_STREAM if self._to.transport == "tcp" else socket.SOCK_DGRAM
        family, kind, proto, _, address = socket.getaddrinfo(
            self._to.host, self._to.port, type=kind
        )[0]
        made = socket.socket(family, kind, proto)
        try:
            made.settimeout(_TIMEOUT)
            made.connect(address)
        except OSError:
            made.close()
            raise
        self._socket, self._sequence, self._told = made, 0, 0.0
        return made

    def _has_ended(self, sock: socket.socket) -> bool:
        """Whether the collector has closed the connection; it never sends anything."""
        if self._to.transport != "tcp":
            return False
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0)) and not sock.recv(1, socket.MSG_PEEK)

    def _messages(self, flows: pl.DataFrame) -> Iterator[bytes]:
        largest = _LARGEST[self._to.transport]
        for number, encoded in records(flows, self._to.enterprise):
            held: list[bytes] = []
            size = 0
            for record in encoded:
                if held and size + len(record) > largest:
                    yield from self._data(number, held)
                    held, size = [], 0
                held.append(record)
                size += len(record)
            yield from self._data(number, held)

    def _data(self, number: int, held: list[bytes]) -> Iterator[bytes]:
        """A message of records, behind the templates where it is their time."""
        now = time.monotonic()
        again = self._to.transport == "udp" and now - self._told >= self._to.interval
        if not self._told or again:
            self._told = now
            parts = (template(each, self._to.enterprise) for each in (IPV4, IPV6))
            yield self._message(_TEMPLATES, list(parts))
        yield self._message(number, held)
        self._sequence = (self._sequence + len(held)) % _WRAP

    def _message(self, number: int, parts: list[bytes]) -> bytes:
        body = b"".join(parts)
        head = struct.pack(">HHI", 10, 20 + len(body), int(time.time()))
        return head + struct.pack(">IIHH", self._sequence, _DOMAIN, number, 4 + len(body)) + body
