"""Which field of a flow an information element becomes: names as goflow2 gives them.

Source: docs/reference/ipfix.md#fields (elements: the registry of IANA, RFC 7012; RFC 3954 for v9).
"""

from __future__ import annotations

NUMBERS: dict[int, tuple[str, ...]] = {
    1: ("Bytes",),
    2: ("Packets",),
    4: ("Proto",),
    5: ("IpTos",),
    6: ("TcpFlags",),
    7: ("SrcPort",),
    9: ("SrcNet",),
    10: ("InIf",),
    11: ("DstPort",),
    13: ("DstNet",),
    14: ("OutIf",),
    16: ("SrcAs",),
    17: ("DstAs",),
    23: ("Bytes",),
    24: ("Packets",),
    29: ("SrcNet",),
    30: ("DstNet",),
    31: ("Ipv6FlowLabel",),
    34: ("SamplingRate",),
    50: ("SamplingRate",),
    52: ("IpTtl",),
    54: ("FragmentId",),
    56: ("SrcMac",),
    57: ("DstMac",),
    58: ("VlanId", "SrcVlan"),
    59: ("DstVlan",),
    61: ("FlowDirection",),
    80: ("DstMac",),
    81: ("SrcMac",),
    85: ("Bytes",),
    86: ("Packets",),
    89: ("ForwardingStatus",),
    138: ("ObservationPointId",),
    176: ("IcmpType",),
    177: ("IcmpCode",),
    178: ("IcmpType",),
    179: ("IcmpCode",),
    227: ("XlatSrcPort",),
    228: ("XlatDstPort",),
    234: ("IngressVrfId",),
    235: ("EgressVrfId",),
    239: ("BiFlowDirection",),
    305: ("SamplingRate",),
    312: ("Bytes",),
}
"""By element: unsigned numbers; the last field of a record that has a name counts."""
TOTALS = {85: 1, 86: 2}
"""Totals since a flow began, which count where the record has no delta (the value)."""
FLAGS_OF_FRAGMENTS = {88, 197}
"""fragmentOffset and fragmentFlags, joined in FragmentOffset."""
ICMP = {32, 139}
"""icmpTypeCodeIPv4 and IPv6: type and code in one number."""
LABELS = {70: "Mpls_1Label", 71: "Mpls_2Label", 72: "Mpls_3Label"}
TOP_LABEL = 70
IP_VERSION, INTERFACE_NAME, FRAME_SIZE = 60, 82, 312

ADDRESSES: dict[int, tuple[str, int]] = {
    8: ("SrcAddr", 4),
    12: ("DstAddr", 4),
    15: ("NextHop", 4),
    18: ("BgpNextHop", 4),
    27: ("SrcAddr", 16),
    28: ("DstAddr", 16),
    47: ("MplsLabelIp", 4),
    62: ("NextHop", 16),
    63: ("BgpNextHop", 16),
    140: ("MplsLabelIp", 16),
    225: ("XlatSrcAddr", 4),
    226: ("XlatDstAddr", 4),
    281: ("XlatSrcAddr", 16),
    282: ("XlatDstAddr", 16),
}
"""By element: the field and the bytes of its addresses."""

START, END = (
    {first: "uptime", 150 + n: "s", 152 + n: "ms", 154 + n: "us", 156 + n: "ns", 158 + n: "delta"}
    for first, n in ((22, 0), (21, 1))
)
"""By element: in which unit it says when a flow began, or ended."""

FLOW_NUMBERS = (
    *("SequenceNum", "SamplingRate", "FlowDirection", "Bytes", "Packets", "Etype", "Proto"),
    *("SrcPort", "DstPort", "InIf", "OutIf", "SrcVlan", "DstVlan", "VlanId", "IngressVrfId"),
    *("EgressVrfId", "IpTos", "ForwardingStatus", "IpTtl", "TcpFlags", "IcmpType", "IcmpCode"),
    *("Ipv6FlowLabel", "FragmentId", "FragmentOffset", "BiFlowDirection", "SrcAs", "DstAs"),
    *("NextHopAs", "SrcNet", "DstNet", "MplsCount", "Mpls_1Ttl", "Mpls_1Label", "Mpls_2Ttl"),
    *("Mpls_2Label", "Mpls_3Ttl", "Mpls_3Label", "MplsLastTtl", "MplsLastLabel"),
    *("ObservationDomainId", "ObservationPointId"),
    *(f"CustomInteger_{n}" for n in range(1, 6)),
)
"""The numbers that every flow has, 0 where the exporter does not tell them."""
FLOW_TEXTS = tuple(f"CustomBytes_{n}" for n in range(1, 6))
"""The texts that every flow has, empty where no mapping fills them."""
FLOW_ADDRESSES = ("SrcAddr", "DstAddr", "NextHop", "BgpNextHop", "MplsLabelIp")
"""The addresses that every flow has, empty likewise."""
