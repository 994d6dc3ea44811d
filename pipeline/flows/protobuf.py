"""Flows as protobuf, one `flowmatrix.Flow` a message: what is published from a pipeline.

A field of the catalogue is a field of the message by the same name, set where the flow has it with
its usual type. Anything else a flow may have (another type, an explicit null, an empty list, a
field outside the catalogue) is in `other`: a name and a value as JSON text. Nothing is lost.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import polars as pl
import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor
from ptars import HandlerPool

from pipeline.flows import values
from pipeline.flows.catalogue import CATALOGUE

OTHER = "other"
_HELD = values.HIDDEN + OTHER
_OTHER_NUMBER = 1000
NAMES = (
    *("TimeFlowStartMs", "TimeFlowEndMs", "TimeReceived", "SrcK8S_Name", "DstK8S_Name"),
    *("SrcK8S_Type", "DstK8S_Type", "SrcK8S_OwnerName", "DstK8S_OwnerName"),
    *("SrcK8S_OwnerType", "DstK8S_OwnerType", "SrcK8S_Namespace", "DstK8S_Namespace"),
    *("SrcAddr", "DstAddr", "SrcPort", "DstPort", "SrcMac", "DstMac"),
    *("SrcK8S_HostIP", "DstK8S_HostIP", "SrcK8S_HostName", "DstK8S_HostName"),
    *("SrcK8S_Zone", "DstK8S_Zone", "SrcSubnetLabel", "DstSubnetLabel"),
    *("SrcK8S_NetworkName", "DstK8S_NetworkName", "K8S_FlowLayer", "K8S_ClusterName"),
    *("Proto", "Dscp", "Sampling", "IcmpType", "IcmpCode", "FlowDirection", "IfDirections"),
    *("Interfaces", "Udns", "Flags", "Bytes", "Packets", "PktDropBytes", "PktDropPackets"),
    *("PktDropLatestState", "PktDropLatestDropCause", "PktDropLatestFlags", "DnsId"),
    *("DnsLatencyMs", "DnsFlags", "DnsFlagsResponseCode", "DnsName", "DnsErrno"),
    *("TimeFlowRttNs", "ZoneId", "XlatSrcPort", "XlatDstPort", "XlatSrcAddr", "XlatDstAddr"),
    *("IPSecStatus", "IPSecRetCode", "TLSVersion", "TLSCipherSuite", "TLSTypes", "TLSGroup"),
    *("AgentIP", "Etype", "QuicVersion", "QuicSeenLongHdr", "QuicSeenShortHdr"),
    *("SrcASN", "DstASN"),
)
"""The fields in the order of their numbers, from 1. New ones come last: numbers never change."""

_WIRE: dict[Any, str] = {pl.String(): "string", pl.UInt64(): "uint64", pl.Int64(): "int64"}
_WIRE |= {pl.Int32(): "int32"} | dict.fromkeys((pl.UInt8(), pl.UInt16(), pl.UInt32()), "uint32")


def is_list(name: str) -> bool:
    """Whether a field is repeated."""
    return isinstance(CATALOGUE[name].dtype, pl.List)


def proto() -> str:
    """The schema as a .proto file."""
    fields = "".join(
        f"  {'repeated' if is_list(name) else 'optional'} {_wire_type(name)} {name} = {number};\n"
        for number, name in enumerate(NAMES, 1)
    )
    return (
        'syntax = "proto3";\npackage flowmatrix;\n\n'
        "// A flow; docs/fields.md says what its fields mean. Field numbers never change.\n"
        f"message Flow {{\n{fields}"
        "  // What has no field above, or another type than it.\n"
        f"  repeated Other {OTHER} = {_OTHER_NUMBER};\n}}\n\n"
        "message Other {\n  string name = 1;\n  string json = 2;\n}\n"
    )


def descriptor(names: Collection[str]) -> Descriptor:
    """Descriptor of `flowmatrix.Flow` with these fields of the catalogue, and `other`."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="flowmatrix.proto", package="flowmatrix", syntax="proto3"
    )
    other = file.message_type.add(name="Other")
    for number, part in enumerate(("name", "json"), 1):
        other.field.add(
            name=part, number=number, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL
        )
    flow = file.message_type.add(name="Flow")
    for number, name in enumerate(NAMES, 1):
        if name in names:
            field = flow.field.add(name=name, number=number)
            field.type = getattr(kinds, f"TYPE_{_wire_type(name).upper()}")
            field.label = kinds.LABEL_REPEATED if is_list(name) else kinds.LABEL_OPTIONAL
            if not is_list(name):
                field.proto3_optional = True
                field.oneof_index = len(flow.oneof_decl)
                flow.oneof_decl.add(name=f"_{name}")
    flow.field.add(
        name=OTHER,
        number=_OTHER_NUMBER,
        type=kinds.TYPE_MESSAGE,
        type_name=".flowmatrix.Other",
        label=kinds.LABEL_REPEATED,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindMessageTypeByName("flowmatrix.Flow")


def protobuf(flows: pl.DataFrame) -> list[bytes]:
    """Each flow as a `flowmatrix.Flow`."""
    schema = flows.schema
    typed = [name for name in NAMES if schema.get(name) == CATALOGUE[name].dtype]
    handler = _handler(frozenset(typed))
    wide = flows.with_columns(_other(flows, typed).alias(_HELD))
    return messages(handler, wide.select(*map(_field, typed), pl.col(_HELD).alias(OTHER)))


def messages(handler: Any, rows: pl.DataFrame) -> list[bytes]:
    """Each row as a message of ptars' `handler`; columns are fields, by name and type."""
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    shape = handler.schema()
    arrays = [_whole(table[field.name], field.type) for field in shape]
    batch = pa.RecordBatch.from_arrays(arrays, schema=shape)
    found: list[bytes] = handler.record_batch_to_array(batch).to_pylist()
    return found


def _field(name: str) -> pl.Expr:
    column = pl.col(name)
    if is_list(name):
        return pl.when(_plain_list(column)).then(column).otherwise(pl.lit([])).alias(name)
    return column


def _plain_list(column: pl.Expr) -> pl.Expr:
    """Boolean, never null: a list that a repeated field can hold."""
    holes = column.list.eval(pl.element().is_null()).list.any()
    return column.is_not_null() & (column.list.len() > 0) & ~holes.fill_null(value=True)


def _other(flows: pl.DataFrame, typed: Collection[str]) -> pl.Expr:
    """List of structs (name, json): the fields that no typed one holds."""
    schema = flows.schema
    cells: list[pl.Expr] = []
    for name in values.names(flows):
        cell = values.cell(schema, name)
        if name in typed and is_list(name):
            cell = pl.when(~_plain_list(pl.col(name))).then(cell)
        elif name in typed and values.overflow(name) in schema:
            cell = pl.col(values.overflow(name))
        elif name in typed:
            continue
        cells.append(pl.struct(name=pl.lit(name), json=cell))
    if not cells:
        none = pl.List(pl.Struct({"name": pl.String(), "json": pl.String()}))
        return pl.lit([], dtype=none)
    present = pl.element().filter(pl.element().struct.field("json").is_not_null())
    return pl.concat_list(cells).list.eval(present)


def _wire_type(name: str) -> str:
    dtype = CATALOGUE[name].dtype
    return _WIRE[dtype.inner if isinstance(dtype, pl.List) else dtype]


@cache
def _handler(names: frozenset[str]) -> Any:
    message = descriptor(names)
    return HandlerPool([message.file]).get_for_message(message)


def _whole(column: pa.ChunkedArray, dtype: pa.DataType) -> pa.Array:
    found = column.combine_chunks()
    return (found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found).cast(dtype)
