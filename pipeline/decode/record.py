"""The agent's protobuf message `pbflow.Record`, built from a table, whole or reduced.

Source: docs/reference/decoding.md#record. A reduced descriptor holds only the fields a plan reads:
the parser skips what it does not know, which is where most of the decoding time goes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor


class Wire(NamedTuple):
    """One protobuf field: number, name, type (a scalar's name or a message's)."""

    number: int
    name: str
    type: str
    repeated: bool = False


MESSAGES: dict[str, tuple[Wire, ...]] = {
    "Stamp": (Wire(1, "seconds", "int64"), Wire(2, "nanos", "int32")),
    "IP": (Wire(1, "ipv4", "fixed32"), Wire(2, "ipv6", "bytes")),
    "DataLink": (Wire(1, "src_mac", "uint64"), Wire(2, "dst_mac", "uint64")),
    "Network": (Wire(1, "src_addr", "IP"), Wire(2, "dst_addr", "IP"), Wire(3, "dscp", "uint32")),
    "Transport": (
        Wire(1, "src_port", "uint32"),
        Wire(2, "dst_port", "uint32"),
        Wire(3, "protocol", "uint32"),
    ),
    "DupMapEntry": (
        Wire(1, "interface", "string"),
        Wire(2, "direction", "int32"),
        Wire(3, "udn", "string"),
    ),
    "EventsEntry": (Wire(1, "key", "string"), Wire(2, "value", "string")),
    "NetworkEvent": (Wire(1, "events", "EventsEntry", repeated=True),),
    "Xlat": (
        Wire(1, "src_addr", "IP"),
        Wire(2, "dst_addr", "IP"),
        Wire(3, "src_port", "uint32"),
        Wire(4, "dst_port", "uint32"),
        Wire(5, "zone_id", "uint32"),
    ),
    "Quic": (
        Wire(1, "version", "uint32"),
        Wire(2, "seen_long_hdr", "uint32"),
        Wire(3, "seen_short_hdr", "uint32"),
    ),
    "Record": (
        Wire(1, "eth_protocol", "uint32"),
        Wire(2, "direction", "int32"),
        Wire(3, "time_flow_start", "Stamp"),
        Wire(4, "time_flow_end", "Stamp"),
        Wire(5, "data_link", "DataLink"),
        Wire(6, "network", "Network"),
        Wire(7, "transport", "Transport"),
        Wire(8, "bytes", "uint64"),
        Wire(9, "packets", "uint64"),
        Wire(10, "interface", "string"),
        Wire(11, "duplicate", "bool"),
        Wire(12, "agent_ip", "IP"),
        Wire(13, "flags", "uint32"),
        Wire(14, "icmp_type", "uint32"),
        Wire(15, "icmp_code", "uint32"),
        Wire(16, "pkt_drop_bytes", "uint64"),
        Wire(17, "pkt_drop_packets", "uint64"),
        Wire(18, "pkt_drop_latest_flags", "uint32"),
        Wire(19, "pkt_drop_latest_state", "uint32"),
        Wire(20, "pkt_drop_latest_drop_cause", "uint32"),
        Wire(21, "dns_id", "uint32"),
        Wire(22, "dns_flags", "uint32"),
        Wire(23, "dns_latency", "Stamp"),
        Wire(24, "time_flow_rtt", "Stamp"),
        Wire(25, "dns_errno", "uint32"),
        Wire(26, "dup_list", "DupMapEntry", repeated=True),
        Wire(27, "network_events_metadata", "NetworkEvent", repeated=True),
        Wire(28, "xlat", "Xlat"),
        Wire(29, "sampling", "uint32"),
        Wire(30, "ipsec_encrypted", "uint32"),
        Wire(31, "ipsec_encrypted_ret", "int32"),
        Wire(32, "dns_name", "string"),
        Wire(33, "ssl_version", "uint32"),
        Wire(34, "ssl_mismatch", "bool"),
        Wire(35, "tls_types", "uint32"),
        Wire(36, "tls_cipher_suite", "uint32"),
        Wire(37, "tls_key_share", "uint32"),
        Wire(38, "quic", "Quic"),
    ),
}

_PACKAGE = "pbflow"


def descriptor(fields: Collection[str] | None = None) -> Descriptor:
    """Descriptor of `pbflow.Record`; with `fields`, only those top-level wire fields."""
    file = descriptor_pb2.FileDescriptorProto(name="flow.proto", package=_PACKAGE, syntax="proto3")
    for message, wires in MESSAGES.items():
        entry = file.message_type.add(name=message)
        for wire in wires:
            if message != "Record" or fields is None or wire.name in fields:
                _add(entry, wire)
        if message == "IP":
            entry.oneof_decl.add(name="ip_family")
            for field in entry.field:
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindMessageTypeByName(f"{_PACKAGE}.Record")


def _add(entry: descriptor_pb2.DescriptorProto, wire: Wire) -> None:
    proto = descriptor_pb2.FieldDescriptorProto
    field = entry.field.add(name=wire.name, number=wire.number)
    field.label = proto.LABEL_REPEATED if wire.repeated else proto.LABEL_OPTIONAL
    if wire.type in MESSAGES:
        field.type = proto.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{wire.type}"
    else:
        field.type = getattr(proto, f"TYPE_{wire.type.upper()}")
