"""The fields of a flow: name, type, unit, meaning and cardinality level.

Source: docs/reference/flowmetric.md#fields (what FlowMetrics are checked against) and
docs/reference/decoding.md#flow (what the agent's protobuf decodes to). The catalogue types the
frames of the engine, checks FlowMetrics and feeds docs/fields.md.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

import msgspec
import polars as pl


class Level(StrEnum):
    """Cardinality of a field used as a label, mildest first.

    Source: docs/reference/flowmetric.md#cardinality.
    """

    FINE = "fine"
    CAREFUL = "careful"
    UNKNOWN = "unknown"
    AVOID = "avoid"


EVENT_KEYS = ("Feature", "Action", "Type", "Name", "Namespace", "Direction", "Message")
"""Known sub-fields of NetworkEvents; the wire map may carry any other."""


class Type(StrEnum):
    """A column type, by its name: who only checks names and levels needs no Polars."""

    U8 = "UInt8"
    U16 = "UInt16"
    U32 = "UInt32"
    U64 = "UInt64"
    I32 = "Int32"
    I64 = "Int64"
    TEXT = "String"
    NUMBERS = "List(Int64)"
    TEXTS = "List(String)"
    EVENTS = "List(Struct)"


_KINDS = {
    Type.TEXT: "string",
    Type.NUMBERS: "number[]",
    Type.TEXTS: "string[]",
    Type.EVENTS: "object[]",
}


@cache
def _dtype(of: Type) -> pl.DataType:
    if of is Type.EVENTS:
        return pl.List(pl.Struct(dict.fromkeys(EVENT_KEYS, pl.String())))
    inner = {Type.NUMBERS: Type.I64, Type.TEXTS: Type.TEXT}.get(of)
    if inner:
        return pl.List(_dtype(inner))
    named: type[pl.DataType] = getattr(pl, of)
    return named()


class Field(msgspec.Struct, frozen=True):
    """One field. `type` is that of its column; `metric` says whether a FlowMetric may name it."""

    name: str
    type: Type
    level: Level
    meaning: str
    unit: str = ""
    metric: bool = True
    needs: str = ""
    made: Type | None = None
    """Type after its decoding stage, when that changes it (Flags: a list of names)."""

    @property
    def dtype(self) -> pl.DataType:
        """The type of its column."""
        return _dtype(self.type)

    @property
    def decoded(self) -> pl.DataType | None:
        """The type of its column after its decoding stage, when that changes it."""
        return _dtype(self.made) if self.made else None

    @property
    def kind(self) -> str:
        """The type as the catalogue of NetObserv writes it: number, string, number[], ..."""
        return _KINDS.get(self.made or self.type, "number")


_U8, _U16, _U32, _U64, _I32, _I64 = Type.U8, Type.U16, Type.U32, Type.U64, Type.I32, Type.I64
_TEXT, _NUMBERS, _TEXTS, _EVENTS = Type.TEXT, Type.NUMBERS, Type.TEXTS, Type.EVENTS
_FINE, _CAREFUL, _AVOID, _UNKNOWN = Level.FINE, Level.CAREFUL, Level.AVOID, Level.UNKNOWN


def _both(suffix: str, of: Type, level: Level, meaning: str, *, needs: str = "") -> list[Field]:
    return [
        Field(f"{side}{suffix}", of, level, f"{meaning} ({end})", needs=needs)
        for side, end in (("Src", "source"), ("Dst", "destination"))
    ]


def _agent_only(name: str, of: Type, meaning: str) -> Field:
    return Field(name, of, _UNKNOWN, meaning, metric=False)


_FIELDS: list[Field] = [
    Field("TimeFlowStartMs", _I64, _AVOID, "first packet of the window", "ms"),
    Field("TimeFlowEndMs", _I64, _AVOID, "last packet of the window", "ms"),
    Field("TimeReceived", _I64, _AVOID, "when the collector received the flow", "s"),
    *_both("K8S_Name", _TEXT, _CAREFUL, "pod, service or node name"),
    *_both("K8S_Type", _TEXT, _FINE, "Pod, Service or Node"),
    *_both("K8S_OwnerName", _TEXT, _FINE, "controller name"),
    *_both("K8S_OwnerType", _TEXT, _FINE, "controller kind"),
    *_both("K8S_Namespace", _TEXT, _FINE, "namespace; absent for nodes and unknown peers"),
    *_both("Addr", _TEXT, _AVOID, "IPv4 or IPv6 address as text"),
    *_both("Port", _U16, _CAREFUL, "port; TCP, UDP and SCTP only"),
    *_both("Mac", _TEXT, _AVOID, "MAC address, lower case with colons"),
    *_both("K8S_HostIP", _TEXT, _FINE, "address of the node"),
    *_both("K8S_HostName", _TEXT, _FINE, "name of the node"),
    *_both("K8S_Zone", _TEXT, _FINE, "availability zone of the node", needs="addZone"),
    *_both("SubnetLabel", _TEXT, _FINE, "label of the subnet", needs="subnetLabels"),
    *_both("K8S_NetworkName", _TEXT, _FINE, '"primary", or the secondary network or UDN'),
    Field("K8S_FlowLayer", _TEXT, _FINE, "app or infra"),
    Field("K8S_ClusterName", _TEXT, _FINE, "cluster name", needs="multiClusterDeployment"),
    Field("Proto", _U8, _FINE, "IP protocol: 6 TCP, 17 UDP, 1 and 58 ICMP, 132 SCTP"),
    Field("Dscp", _U8, _FINE, "differentiated services code point"),
    Field("Sampling", _U32, _FINE, "sampling interval in force; absent when 0"),
    Field("IcmpType", _U8, _FINE, "ICMP type"),
    Field("IcmpCode", _U8, _FINE, "ICMP code"),
    Field("FlowDirection", _I64, _FINE, "0 ingress, 1 egress, 2 inner (seen from the node)"),
    Field("IfDirections", _NUMBERS, _FINE, "0 or 1 per interface"),
    Field("Interfaces", _TEXTS, _CAREFUL, "interface names"),
    Field("Udns", _TEXTS, _CAREFUL, "user-defined networks per interface", needs="UDNMapping"),
    Field("Flags", _U16, _CAREFUL, "TCP flags: bits, names once decoded", made=_TEXTS),
    Field("Bytes", _U64, _AVOID, "bytes; absent when 0", "bytes"),
    Field("Packets", _U32, _AVOID, "packets; absent when 0", "packets"),
    Field("PktDropBytes", _U16, _AVOID, "dropped bytes", "bytes", needs="PacketDrop"),
    Field("PktDropPackets", _U16, _AVOID, "dropped packets", "packets", needs="PacketDrop"),
    Field("PktDropLatestState", _TEXT, _FINE, "TCP state at the last drop", needs="PacketDrop"),
    Field("PktDropLatestDropCause", _TEXT, _FINE, "cause of the last drop", needs="PacketDrop"),
    Field("PktDropLatestFlags", _U16, _FINE, "TCP flags at the last drop", needs="PacketDrop"),
    Field("DnsId", _U16, _AVOID, "DNS transaction", needs="DNSTracking"),
    Field("DnsLatencyMs", _I64, _AVOID, "DNS response time", "ms", needs="DNSTracking"),
    Field("DnsFlags", _U16, _FINE, "DNS header flags", needs="DNSTracking"),
    Field("DnsFlagsResponseCode", _TEXT, _FINE, "DNS response code", needs="DNSTracking"),
    Field("DnsName", _TEXT, _CAREFUL, "DNS name asked for", needs="DNSTracking"),
    Field("DnsErrno", _U8, _FINE, "error of the DNS tracker", needs="DNSTracking"),
    Field("TimeFlowRttNs", _I64, _AVOID, "smoothed TCP round trip", "ns", needs="FlowRTT"),
    Field("NetworkEvents", _EVENTS, _AVOID, "OVN network events", needs="NetworkEvents"),
    Field("ZoneId", _U16, _AVOID, "conntrack zone", needs="PacketTranslation"),
    Field("XlatSrcPort", _U16, _CAREFUL, "translated source port", needs="PacketTranslation"),
    Field("XlatDstPort", _U16, _CAREFUL, "translated destination port", needs="PacketTranslation"),
    Field("XlatSrcAddr", _TEXT, _AVOID, "translated source address", needs="PacketTranslation"),
    Field("XlatDstAddr", _TEXT, _AVOID, "translated destination", needs="PacketTranslation"),
    Field("IPSecStatus", _TEXT, _FINE, "success or error", needs="IPSec"),
    Field("_RecordType", _TEXT, _FINE, "flowLog, newConnection, ...", needs="logTypes"),
    Field("_HashId", _TEXT, _AVOID, "conversation", needs="logTypes"),
    Field("TLSVersion", _TEXT, _FINE, "TLS version", needs="TLSTracking"),
    Field("TLSCipherSuite", _TEXT, _FINE, "TLS cipher suite", needs="TLSTracking"),
    Field("TLSTypes", _TEXTS, _CAREFUL, "TLS record types seen", needs="TLSTracking"),
    Field("TLSGroup", _TEXT, _FINE, "TLS key share group", needs="TLSTracking"),
    Field("TLSCurve", _TEXT, _UNKNOWN, "TLS key share group, older name", needs="TLSTracking"),
    *_both("ASN", _TEXT, _FINE, "AS number that advertises the address", needs="bgpEnrichment"),
    _agent_only("AgentIP", _TEXT, "address of the agent's node"),
    _agent_only("Etype", _U16, "EtherType: 2048 IPv4, 34525 IPv6"),
    _agent_only("IPSecRetCode", _I32, "return code of IPsec"),
    _agent_only("QuicVersion", _TEXT, "QUIC version"),
    _agent_only("QuicSeenLongHdr", _U8, "a long QUIC header was seen"),
    _agent_only("QuicSeenShortHdr", _U8, "a short QUIC header was seen"),
]

CATALOGUE: dict[str, Field] = {field.name: field for field in _FIELDS}
"""Every known field by name, in the order of the source."""

METRIC_FIELDS: tuple[str, ...] = tuple(f.name for f in _FIELDS if f.metric)
"""The names a FlowMetric may use (docs/reference/flowmetric.md#fields)."""


def root(name: str) -> str:
    """The field of a nested name: `NetworkEvents>Type` -> `NetworkEvents`."""
    return name.split(">", 1)[0]


def dtype_of(name: str) -> pl.DataType | None:
    """The column type of a known field, None for a field outside the catalogue."""
    field = CATALOGUE.get(name)
    return field.dtype if field else None


def level_of(label: str) -> Level:
    """Cardinality level of a label; known sub-fields of NetworkEvents are fine, others unknown."""
    if label.startswith("NetworkEvents>"):
        return Level.FINE if label.split(">", 1)[1] in EVENT_KEYS else Level.UNKNOWN
    field = CATALOGUE.get(label)
    return field.level if field else Level.UNKNOWN
