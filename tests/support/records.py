"""Messages of the agent, and what their decoder makes of them."""

from __future__ import annotations

from typing import Any

from google.protobuf import message_factory

from pipeline.decode.protobuf import decoder
from pipeline.decode.record import descriptor
from pipeline.stage import BuildContext, Decode
from pipeline.testing import Flow, rows

NOW = 1_761_645_700.9
"""When everything is received, in seconds."""
UNSET = "0.0.0.0"  # noqa: S104 - an address, of nobody
"""How an address that is not set reads."""


def message_class() -> type[Any]:
    """The generated class of the whole Record."""
    return message_factory.GetMessageClass(descriptor())


def decode_for(*needed: str) -> Decode:
    """The decoder for a plan that reads these fields, or all of them when none is given."""
    return decoder(BuildContext(needed=frozenset(needed) if needed else None, clock=lambda: NOW))


def record(**fields: Any) -> Any:
    """A Record of TCP from 10.0.0.1 to 10.0.0.2:443, with other fields as given."""
    message = message_class()(eth_protocol=0x0800, **fields)
    message.network.src_addr.ipv4 = 0x0A000001
    message.network.dst_addr.ipv4 = 0x0A000002
    message.transport.protocol = 6
    message.transport.dst_port = 443
    return message


DECODE = decode_for()
"""The decoder of all fields."""


def one(message: Any) -> Flow:
    """The flow of a Record."""
    decoded = DECODE([message.SerializeToString()])
    assert decoded.rejected == []
    return rows(decoded.flows)[0]
