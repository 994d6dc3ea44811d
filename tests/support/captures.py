"""A capture of packets (pcap), of which it is known what each flow of it holds."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_TCP, _UDP = 6, 17
_START = 1_700_000_000.0
_ETHERNET = bytes.fromhex("0200000000020200000000 01".replace(" ", ""))


class Captured(NamedTuple):
    """One direction of a connection: `octets` from the header of IP on."""

    src: str
    dst: str
    src_port: int
    dst_port: int
    proto: int
    packets: int
    octets: int


class _Packet(NamedTuple):
    src: str
    dst: str
    src_port: int
    dst_port: int
    proto: int
    flags: int
    payload: int

    @property
    def size(self) -> int:
        """Its bytes from the header of IP on."""
        return (40 if ":" in self.src else 20) + (20 if self.proto == _TCP else 8) + self.payload

    def data(self) -> bytes:
        """Its bytes, the header of Ethernet included."""
        if self.proto == _TCP:
            ports = struct.pack(">HH", self.src_port, self.dst_port)
            body = ports + struct.pack(">IIBBHHH", 0, 0, 0x50, self.flags, 8192, 0, 0)
        else:
            body = struct.pack(">HHHH", self.src_port, self.dst_port, 8 + self.payload, 0)
        body += bytes(self.payload)
        ends = b"".join(ipaddress.ip_address(end).packed for end in (self.src, self.dst))
        if ":" in self.src:
            head = struct.pack(">IHBB", 6 << 28, len(body), self.proto, 64)
            return _ETHERNET + b"\x86\xdd" + head + ends + body
        size = 20 + len(body)
        head = struct.pack(">BBHHHBBH", 0x45, 0, size, 1, 0, 64, self.proto, 0) + ends
        total = sum(struct.unpack(">10H", head))
        checked = ~(total + (total >> 16)) & 0xFFFF
        return _ETHERNET + b"\x08\0" + head[:10] + struct.pack(">H", checked) + head[12:] + body


def _packets() -> Iterator[_Packet]:
    """Twenty connections of TCP, three of which are IPv6, and five questions over UDP."""
    for number in range(20):
        client, server = f"10.0.0.{number + 1}", "10.0.1.1"
        if number % 7 == 0:
            client, server = f"2001:db8::{number + 1:x}", "2001:db8::ffff"
        port = 40_000 + number
        there, back = (client, server, port, 443, _TCP), (server, client, 443, port, _TCP)
        for end, flags, payload in (
            *((there, 2, 0), (back, 18, 0), (there, 16, 0), (there, 24, 100 + number)),
            *((back, 24, 1000), (there, 17, 0), (back, 17, 0)),
        ):
            yield _Packet(*end, flags, payload)
    for number in range(5):
        client = f"10.0.0.{number + 1}"
        yield _Packet(client, "10.0.1.53", 50_000 + number, 53, _UDP, 0, 30)
        yield _Packet("10.0.1.53", client, 53, 50_000 + number, _UDP, 0, 90)


def _flows() -> list[Captured]:
    found: dict[tuple[str, str, int, int, int], list[int]] = {}
    for packet in _packets():
        found.setdefault(packet[:5], []).append(packet.size)
    return [Captured(*key, len(sizes), sum(sizes)) for key, sizes in found.items()]


FLOWS = _flows()
"""What the capture holds."""


def write(path: Path) -> Path:
    """Write the capture."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, packet in enumerate(_packets()):
            at, data = _START + number / 1000, packet.data()
            head = struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(data), len(data))
            file.write(head + data)
    return path
