"""Names of the codes in a Record: drop causes, TCP states, DNS, TLS and QUIC.

Source: docs/reference/decoding.md#codes and the golden case decode-pb-enums, which lists every
known code.
"""

from __future__ import annotations

_KERNEL_DROPS = """
    NOT_SPECIFIED NO_SOCKET PKT_TOO_SMALL TCP_CSUM SOCKET_FILTER UDP_CSUM NETFILTER_DROP OTHERHOST
    IP_CSUM IP_INHDR IP_RPFILTER UNICAST_IN_L2_MULTICAST XFRM_POLICY IP_NOPROTO SOCKET_RCVBUFF
    PROTO_MEM TCP_MD5NOTFOUND TCP_MD5UNEXPECTED TCP_MD5FAILURE SOCKET_BACKLOG TCP_FLAGS
    TCP_ZEROWINDOW TCP_OLD_DATA TCP_OVERWINDOW TCP_OFOMERGE TCP_RFC7323_PAWS TCP_INVALID_SEQUENCE
    TCP_RESET TCP_INVALID_SYN TCP_CLOSE TCP_FASTOPEN TCP_OLD_ACK TCP_TOO_OLD_ACK
    TCP_ACK_UNSENT_DATA TCP_OFO_QUEUE_PRUNE TCP_OFO_DROP IP_OUTNOROUTES BPF_CGROUP_EGRESS
    IPV6DISABLED NEIGH_CREATEFAIL NEIGH_FAILED NEIGH_QUEUEFULL NEIGH_DEAD TC_EGRESS QDISC_DROP
    CPU_BACKLOG XDP TC_INGRESS UNHANDLED_PROTO SKB_CSUM SKB_GSO_SEG SKB_UCOPY_FAULT DEV_HDR
    DEV_READY FULL_RING NOMEM HDR_TRUNC TAP_FILTER TAP_TXFILTER ICMP_CSUM INVALID_PROTO
    IP_INADDRERRORS IP_INNOROUTES PKT_TOO_BIG DUP_FRAG FRAG_REASM_TIMEOUT FRAG_TOO_FAR TCP_MINTTL
    IPV6_BAD_EXTHDR IPV6_NDISC_FRAG IPV6_NDISC_HOP_LIMIT IPV6_NDISC_BAD_CODE
    IPV6_NDISC_BAD_OPTIONS IPV6_NDISC_NS_OTHERHOST QUEUE_PURGE TC_COOKIE_ERROR PACKET_SOCK_ERROR
    TC_CHAIN_NOTFOUND TC_RECLASSIFY_LOOP
"""
_OVS_DROPS = """
    LAST_ACTION ACTION_ERROR EXPLICIT EXPLICIT_WITH_ERROR METER RECURSION_LIMIT DEFERRED_LIMIT
    FRAG_L2_TOO_LONG FRAG_INVALID_PROTO CONNTRACK IP_TTL
"""
_EVENT_DROPS = """
    Unknown EgressFirewall AdminNetworkPolicy BaselineAdminNetworkPolicy NetworkPolicy MulticastNS
    MulticastCluster NetpolNode NetpolNamespace UDNIsolation
"""


def _numbered(names: str, first: int, prefix: str) -> dict[int, str]:
    return {code: prefix + name for code, name in enumerate(names.split(), first)}


_DROP_CAUSES = {
    **_numbered(_KERNEL_DROPS, 2, "SKB_DROP_REASON_"),
    **_numbered(_OVS_DROPS, (3 << 16) + 1, "OVS_DROP_"),
    **_numbered(_EVENT_DROPS, 1 << 24, "NetworkEvent_"),
}
_TCP_STATES = _numbered(
    "ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 "
    "CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING NEW_SYN_RECV",
    1,
    "TCP_",
)
_RCODES = _numbered(
    "NoError FormErr ServFail NXDomain NotImp Refused YXDomain YXRRSet NXRRSet NotAuth NotZone",
    0,
    "",
)
_TLS_VERSIONS = {
    0x0300: "SSLv3",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}
_TLS_CIPHER_SUITES = {
    0x0005: "TLS_RSA_WITH_RC4_128_SHA",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x003C: "TLS_RSA_WITH_AES_128_CBC_SHA256",
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
    0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0xC007: "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC011: "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    0xC012: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
}
_TLS_GROUPS = {
    23: "CurveP256",
    24: "CurveP384",
    25: "CurveP521",
    29: "X25519",
    4587: "SecP256r1MLKEM768",
    4588: "X25519MLKEM768",
    4589: "SecP384r1MLKEM1024",
}
_QUIC_VERSIONS = {0: "QUIC v1", 1: "QUIC v2"}

TLS_TYPES = {
    1: "ClientHello",
    2: "ServerHello",
    4: "OtherHandshake",
    8: "ChangeCipher",
    16: "Alert",
    32: "AppData",
}
"""TLS record types by their bit."""


def drop_cause(code: int) -> str:
    """Why a packet was dropped: kernel, Open vSwitch or network event."""
    return _DROP_CAUSES.get(code, "SKB_DROP_UNKNOWN_CAUSE")


def tcp_state(code: int) -> str:
    """The kernel's TCP state."""
    return _TCP_STATES.get(code, "TCP_INVALID_STATE")


def rcode(code: int) -> str:
    """DNS response code."""
    return _RCODES.get(code, "UnDefined")


def tls_version(code: int) -> str:
    """Version of the TLS protocol."""
    return _TLS_VERSIONS.get(code) or f"0x{code:04X}"


def tls_cipher_suite(code: int) -> str:
    """TLS cipher suite, by its IANA name."""
    return _TLS_CIPHER_SUITES.get(code) or f"0x{code:04X}"


def tls_group(code: int) -> str:
    """Group of the TLS key share."""
    return _TLS_GROUPS.get(code) or f"CurveID({code})"


def quic_version(code: int) -> str:
    """Version of QUIC."""
    return _QUIC_VERSIONS.get(code) or f"QUIC Unknown ({code})"
