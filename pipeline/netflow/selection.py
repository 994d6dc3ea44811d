"""What is written of flows as IPFIX: columns of known types, whatever the flows hold."""

from __future__ import annotations

import polars as pl

from pipeline.flows import tcp, values
from pipeline.netflow.records import FIRST, IPV4, IPV6, Kind, elements
from pipeline.stage import Fields

_TEXTS = {Kind.TEXT, Kind.MAC, Kind.ADDRESS}
_LISTS = ("Interfaces", "IfDirections")
_IPV6 = 0x86DD


def fields(enterprise: int) -> Fields:
    """The fields of flows that are written."""
    return frozenset(name.removesuffix(FIRST) for name in _columns(enterprise))


def selected(flows: pl.DataFrame, enterprise: int) -> pl.DataFrame:
    """The columns that `pipeline.netflow.records` writes: String, and UInt64 for numbers.

    Null where a flow does not have the field, or not as a number. Lists are texts, separated by
    commas. Without Etype, a flow is of the family of its source.
    """
    schema = flows.schema
    columns = {
        name: _text(schema, name) if kind in _TEXTS else _number(schema, name)
        for name, kind in _columns(enterprise).items()
    }
    ipv6 = pl.when(columns["SrcAddr"].str.contains(":", literal=True)).then(pl.lit(_IPV6))
    columns["Etype"] = pl.coalesce(columns["Etype"], ipv6.cast(pl.UInt64))
    flows = flows.with_columns(column.alias(name) for name, column in columns.items())
    return flows.select(*columns)  # not at once: a selection of constants has one row


def _columns(enterprise: int) -> dict[str, Kind]:
    return {one.column: one.kind for n in (IPV4, IPV6) for one in elements(n, enterprise)}


def _text(schema: values.Schema, name: str) -> pl.Expr:
    field = name.removesuffix(FIRST)
    if field not in _LISTS or not isinstance(schema.get(field), pl.List):
        return values.text(schema, field)
    texts = pl.col(field).cast(pl.List(pl.String()))
    return texts.list.get(0, null_on_oob=True) if name != field else texts.list.join(",")


def _number(schema: values.Schema, name: str) -> pl.Expr:
    """UInt64; a negative number is not one."""
    if name == "Flags":
        return tcp.bits(schema, name).cast(pl.UInt64, strict=False)
    if name.endswith(FIRST):
        return _text(schema, name).cast(pl.UInt64, strict=False)
    dtype = schema.get(name)
    if dtype is not None and dtype.is_integer() and values.overflow(name) not in schema:
        return pl.col(name).cast(pl.UInt64, strict=False)
    return values.integer(schema, name).cast(pl.UInt64, strict=False)
