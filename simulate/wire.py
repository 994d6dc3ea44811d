"""Frames of flows as protobuf: one `pbflow.Record` a row.

Source: docs/reference/decoding.md#record, docs/reference/decoding.md#flow.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

import polars as pl
import pyarrow as pa
from ptars import HandlerPool

from pipeline.decode.record import descriptor
from pipeline.diagnostics import nearest
from pipeline.flows.catalogue import CATALOGUE

SHAPE: dict[str, pl.DataType] = {
    name: CATALOGUE[name].dtype
    for name in (
        *("TimeFlowStartMs", "TimeFlowEndMs", "AgentIP", "Etype", "SrcMac", "DstMac"),
        *("SrcAddr", "DstAddr", "Dscp", "Proto", "SrcPort", "DstPort", "Flags"),
        *("IcmpType", "IcmpCode", "Bytes", "Packets", "Interfaces", "IfDirections", "Udns"),
        *("Sampling", "DnsId", "DnsFlags", "DnsErrno", "DnsName", "DnsLatencyMs"),
        "TimeFlowRttNs",
    )
}
"""The columns a recording can hold."""

_SCALARS = {
    "eth_protocol": "Etype",
    "bytes": "Bytes",
    "packets": "Packets",
    "flags": "Flags",
    "icmp_type": "IcmpType",
    "icmp_code": "IcmpCode",
    "sampling": "Sampling",
    "dns_id": "DnsId",
    "dns_flags": "DnsFlags",
    "dns_errno": "DnsErrno",
    "dns_name": "DnsName",
}
_STAMPS = {
    "time_flow_start": ("TimeFlowStartMs", 1_000),
    "time_flow_end": ("TimeFlowEndMs", 1_000),
    "dns_latency": ("DnsLatencyMs", 1_000),
    "time_flow_rtt": ("TimeFlowRttNs", 1_000_000_000),
}
_NESTED = {
    "data_link": ("SrcMac", "DstMac"),
    "network": ("SrcAddr", "DstAddr", "Dscp"),
    "transport": ("SrcPort", "DstPort", "Proto"),
    "agent_ip": ("AgentIP",),
    "dup_list": ("Interfaces", "IfDirections", "Udns"),
}


def protobuf(records: pl.DataFrame) -> pa.BinaryArray:
    """Every flow as the bytes of a `pbflow.Record`. ValueError: a column outside SHAPE."""
    fields = _shaped(records).to_dict(as_series=True)
    arrays = {wire: _arrow(fields[name]) for wire, name in _SCALARS.items()}
    arrays |= {wire: _arrow(_stamp(fields[n], unit)) for wire, (n, unit) in _STAMPS.items()}
    src, dst, agent = (_addresses(fields[name]) for name in ("SrcAddr", "DstAddr", "AgentIP"))
    macs = {"src_mac": _macs(fields["SrcMac"]), "dst_mac": _macs(fields["DstMac"])}
    ports = {"src_port": fields["SrcPort"], "dst_port": fields["DstPort"]}
    arrays |= {
        "data_link": _arrow(_struct(**macs)),
        "network": _arrow(_struct(src_addr=src, dst_addr=dst, dscp=fields["Dscp"])),
        "transport": _arrow(_struct(**ports, protocol=fields["Proto"])),
        "agent_ip": _arrow(agent),
        "dup_list": _interfaces(fields["Interfaces"], fields["IfDirections"], fields["Udns"]),
    }
    handler = _handler(_wire_fields(records.columns))
    schema = handler.schema()
    batch = [arrays[field.name].cast(field.type) for field in schema]
    return handler.record_batch_to_array(pa.RecordBatch.from_arrays(batch, schema=schema))


def packed(address: str) -> bytes:
    """16 bytes; an IPv4 address in its IPv6-mapped form."""
    found = ipaddress.ip_address(address).packed
    return found if len(found) == 16 else bytes(10) + b"\xff\xff" + found


def distinct(column: pl.Series, function: Callable[[Any], Any], dtype: pl.DataType) -> pl.Series:
    """`function` over the distinct values of a column."""
    keys = column.unique()
    found = pl.Series([function(key) for key in keys.to_list()], dtype=dtype)
    return column.replace_strict(keys, found, return_dtype=dtype)


@cache
def _handler(fields: frozenset[str]) -> Any:
    record = descriptor(fields)
    return HandlerPool([record.file]).get_for_message(record)


def _wire_fields(columns: Collection[str]) -> frozenset[str]:
    sources: dict[str, tuple[str, ...]] = {wire: (name,) for wire, name in _SCALARS.items()}
    sources |= {wire: (name,) for wire, (name, _) in _STAMPS.items()} | _NESTED
    return frozenset(w for w, names in sources.items() if not set(names).isdisjoint(columns))


def _shaped(records: pl.DataFrame) -> pl.DataFrame:
    """All columns of SHAPE; scalars of absent fields read as the wire's default."""
    stray = [column for column in records.columns if column not in SHAPE]
    if stray:
        raise ValueError(f"{stray[0]}: no recording can hold this field {nearest(stray[0], SHAPE)}")
    missing = {n: pl.lit(None, dtype=t) for n, t in SHAPE.items() if n not in records.columns}
    return records.with_columns(**missing).select(
        pl.col(name) if isinstance(dtype, pl.List) else _filled(name, dtype)
        for name, dtype in SHAPE.items()
    )


def _filled(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).cast(dtype).fill_null("" if dtype == pl.String else 0)


def _struct(**columns: pl.Series) -> pl.Series:
    return pl.DataFrame(columns).to_struct()


def _stamp(column: pl.Series, unit: int) -> pl.Series:
    return _struct(seconds=column // unit, nanos=column % unit * (1_000_000_000 // unit))


def _macs(column: pl.Series) -> pl.Series:
    return distinct(column, lambda mac: int(mac.replace(":", "") or "0", 16), pl.UInt64())


def _addresses(column: pl.Series) -> pl.Series:
    return _struct(
        ipv4=distinct(column, _ipv4, pl.UInt32()), ipv6=distinct(column, _ipv6, pl.Binary())
    )


def _ipv4(text: str) -> int | None:
    return int(ipaddress.IPv4Address(text)) if text and ":" not in text else None


def _ipv6(text: str) -> bytes | None:
    return packed(text) if ":" in text else None


def _interfaces(names: pl.Series, directions: pl.Series, udns: pl.Series) -> pa.Array:
    """One DupMapEntry per interface; the lists of a flow are equally long, `udns` may be absent."""
    sizes = names.list.len().fill_null(0)
    flat = _flat(names)
    networks = pl.repeat("", flat.len(), eager=True) if udns.has_nulls() else _flat(udns)
    entries = _struct(interface=flat, direction=_flat(directions), udn=networks)
    offsets = pl.concat([pl.Series([0], dtype=pl.Int64), sizes.cum_sum().cast(pl.Int64)])
    return pa.LargeListArray.from_arrays(offsets.to_arrow(), _arrow(entries))


def _flat(lists: pl.Series) -> pl.Series:
    return lists.explode(empty_as_null=False, keep_nulls=False)


def _arrow(column: pl.Series) -> pa.Array:
    return column.to_arrow(compat_level=pl.CompatLevel.oldest())
