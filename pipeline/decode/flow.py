"""The fields of a flow as expressions over the columns of a Record.

Source: docs/reference/decoding.md#flow.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipeline.decode import enums
from pipeline.decode.addresses import agent_text, ip_text, is_set, mac_text
from pipeline.flows import values

_TLS_TYPES = pl.Series(
    [[name for bit, name in enums.TLS_TYPES.items() if bits & bit] or None for bits in range(64)]
)


def _inner(column: str, *path: str) -> pl.Expr:
    expr = pl.col(column)
    for name in path:
        expr = expr.struct.field(name)
    return expr


def _number(column: str, *path: str) -> pl.Expr:
    """A number inside a message, 0 where the message is absent."""
    return _inner(column, *path).fill_null(0)


def _low(bits: int, expr: pl.Expr) -> pl.Expr:
    """Wider wire values are truncated."""
    return expr & ((1 << bits) - 1)


def _when(condition: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(value)


def _not_zero(expr: pl.Expr) -> pl.Expr:
    return _when(expr != 0, expr)


def _named(expr: pl.Expr, function: Callable[[int], str]) -> pl.Expr:
    return values.distinct(expr, function, pl.String())


def _milliseconds(stamp: str) -> pl.Expr:
    return _number(stamp, "seconds") * 1000 + _number(stamp, "nanos") // 1_000_000


def _nanoseconds(duration: str) -> pl.Expr:
    """Int64; a duration out of range saturates."""
    whole = _number(duration, "seconds").cast(pl.Int128) * 10**9 + _number(duration, "nanos")
    return whole.clip(-(2**63), 2**63 - 1).cast(pl.Int64)


def _toward_zero(expr: pl.Expr, divisor: int) -> pl.Expr:
    return expr.abs() // divisor * expr.sign()


def _per_interface(name: str) -> pl.Expr:
    return _when(~_NO_INTERFACE, pl.col("dup_list").list.eval(pl.element().struct.field(name)))


def _dns_name(name: str) -> str | None:
    """The leading labels that fit in 31 bytes, each with a length byte; None when no label fits."""
    kept: list[str] = []
    room = 31
    for label in filter(None, name.split(".")):
        room -= len(label.encode()) + 1
        if room < 0:
            break
        kept.append(label)
    return ".".join(kept) or None


_PROTO = _low(8, _inner("transport", "protocol"))
_ETYPE = _low(16, pl.col("eth_protocol"))
_IP = _ETYPE.is_in([0x0800, 0x86DD])
_PORTS = _IP & _PROTO.is_in([6, 17, 132])
_ICMP = _IP & _PROTO.is_in([1, 58])
_NO_INTERFACE = pl.col("dup_list").list.len() == 0
_DNS_ID = _low(16, pl.col("dns_id"))
_DNS = _DNS_ID != 0
_DROP_CAUSE = pl.col("pkt_drop_latest_drop_cause")
_DROP = _DROP_CAUSE != 0
_IPSEC_RET = pl.col("ipsec_encrypted_ret")
_IPSEC = (_IPSEC_RET != 0) | (pl.col("ipsec_encrypted") != 0)
_TLS_VERSION = _low(16, pl.col("ssl_version"))
_TLS_BITS = _low(8, pl.col("tls_types"))
_TLS_KNOWN = _low(6, _TLS_BITS)
_XLAT = is_set(_inner("xlat", "src_addr")) & is_set(_inner("xlat", "dst_addr"))

FLOW: dict[str, pl.Expr] = {
    "TimeFlowStartMs": _milliseconds("time_flow_start"),
    "TimeFlowEndMs": _milliseconds("time_flow_end"),
    "SrcAddr": _when(_IP, ip_text(_inner("network", "src_addr"))),
    "DstAddr": _when(_IP, ip_text(_inner("network", "dst_addr"))),
    "SrcPort": _when(_PORTS, _low(16, _inner("transport", "src_port"))),
    "DstPort": _when(_PORTS, _low(16, _inner("transport", "dst_port"))),
    "SrcMac": mac_text(_number("data_link", "src_mac")),
    "DstMac": mac_text(_number("data_link", "dst_mac")),
    "Proto": _when(_IP, _PROTO),
    "Dscp": _when(_IP, _low(8, _inner("network", "dscp"))),
    "Sampling": _not_zero(pl.col("sampling")),
    "IcmpType": _when(_ICMP, _low(8, pl.col("icmp_type"))),
    "IcmpCode": _when(_ICMP, _low(8, pl.col("icmp_code"))),
    "IfDirections": _per_interface("direction"),
    "Interfaces": _per_interface("interface"),
    "Udns": _per_interface("udn"),
    "Flags": _when(_IP & (_PROTO == 6), _low(16, pl.col("flags"))),
    "Bytes": _not_zero(pl.col("bytes")),
    "Packets": _not_zero(_low(32, pl.col("packets"))),
    "PktDropBytes": _when(_DROP, _low(16, pl.col("pkt_drop_bytes"))),
    "PktDropPackets": _when(_DROP, _low(16, pl.col("pkt_drop_packets"))),
    "PktDropLatestState": _when(
        _DROP, _named(_low(8, pl.col("pkt_drop_latest_state")), enums.tcp_state)
    ),
    "PktDropLatestDropCause": _when(_DROP, _named(_DROP_CAUSE, enums.drop_cause)),
    "PktDropLatestFlags": _when(_DROP, _low(16, pl.col("pkt_drop_latest_flags"))),
    "DnsId": _not_zero(_DNS_ID),
    "DnsLatencyMs": _when(_DNS, _toward_zero(_nanoseconds("dns_latency"), 1_000_000)),
    "DnsFlags": _when(_DNS, _low(16, pl.col("dns_flags"))),
    "DnsFlagsResponseCode": _when(_DNS, _named(_low(4, pl.col("dns_flags")), enums.rcode)),
    "DnsName": _when(_DNS, values.distinct(pl.col("dns_name"), _dns_name, pl.String())),
    "DnsErrno": _not_zero(_low(8, pl.col("dns_errno"))),
    "TimeFlowRttNs": _not_zero(_nanoseconds("time_flow_rtt")),
    "ZoneId": _when(_XLAT, _low(16, _inner("xlat", "zone_id"))),
    "XlatSrcPort": _when(_XLAT, _not_zero(_low(16, _inner("xlat", "src_port")))),
    "XlatDstPort": _when(_XLAT, _not_zero(_low(16, _inner("xlat", "dst_port")))),
    "XlatSrcAddr": _when(_XLAT, ip_text(_inner("xlat", "src_addr"))),
    "XlatDstAddr": _when(_XLAT, ip_text(_inner("xlat", "dst_addr"))),
    "IPSecStatus": _when(
        _IPSEC, pl.when(_IPSEC_RET != 0).then(pl.lit("error")).otherwise(pl.lit("success"))
    ),
    "TLSVersion": _when(
        _TLS_VERSION != 0,
        pl.when(pl.col("ssl_mismatch")).then(pl.lit("~ ")).otherwise(pl.lit(""))
        + _named(_TLS_VERSION, enums.tls_version),
    ),
    "TLSCipherSuite": _named(
        _not_zero(_low(16, pl.col("tls_cipher_suite"))), enums.tls_cipher_suite
    ),
    "TLSTypes": pl.lit(_TLS_TYPES).gather(_TLS_KNOWN),
    "TLSGroup": _named(_not_zero(_low(16, pl.col("tls_key_share"))), enums.tls_group),
    "AgentIP": agent_text(pl.col("agent_ip")),
    "Etype": _ETYPE,
    "IPSecRetCode": _when(_IPSEC, _IPSEC_RET),
    "QuicVersion": _named(_inner("quic", "version"), enums.quic_version),
    "QuicSeenLongHdr": _low(8, _inner("quic", "seen_long_hdr")),
    "QuicSeenShortHdr": _low(8, _inner("quic", "seen_short_hdr")),
}
"""By field, in the order of the catalogue; null where the flow does not have it."""

EXPLICIT_NULLS: dict[str, pl.Expr] = {
    "IfDirections": _NO_INTERFACE,
    "Interfaces": _NO_INTERFACE,
    "TLSTypes": (_TLS_BITS != 0) & (_TLS_KNOWN == 0),
}
"""Boolean by field: where the flow has it as null."""
