"""Flows as records of OTLP: logs and spans, a column at a time.

Source: opentelemetry-proto 1.x. The records are made of their own descriptors, which are those of
`LogRecord` and `Span` without what is not used and without recursion: the wire is the same.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from functools import cache
from typing import Any

import polars as pl
from google.protobuf import descriptor_pb2, descriptor_pool
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from ptars import HandlerPool

from pipeline.flows import values
from pipeline.flows.jsonl import json_lines
from pipeline.flows.protobuf import encoded, messages
from pipeline.push.otlp import service_attributes

SCHEMA = "https://opentelemetry.io/schemas/1.21.0"
_INFO = 9
_INTERNAL = 1
_KINDS = {"string": 9, "bool": 8, "int64": 3, "double": 1, "bytes": 12, "fixed64": 6, "int32": 5}
"""The numbers of types in descriptors."""
_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "Value": (
        ("string_value", 1, "string"),
        ("bool_value", 2, "bool"),
        ("int_value", 3, "int64"),
        ("double_value", 4, "double"),
        ("array_value", 5, "bytes"),
    ),
    "Attribute": (("key", 1, "string"), ("value", 2, "Value")),
    "Log": (
        ("severity_number", 2, "int32"),
        ("severity_text", 3, "string"),
        ("body", 5, "Value"),
        ("attributes", 6, "*bytes"),
        ("observed_time_unix_nano", 11, "fixed64"),
        ("time_unix_nano", 1, "fixed64"),
    ),
    "Span": (
        ("trace_id", 1, "bytes"),
        ("span_id", 2, "bytes"),
        ("parent_span_id", 4, "bytes"),
        ("name", 5, "string"),
        ("kind", 6, "int32"),
        ("start_time_unix_nano", 7, "fixed64"),
        ("end_time_unix_nano", 8, "fixed64"),
        ("attributes", 9, "*bytes"),
    ),
}
"""Fields, their numbers and types (`*`: repeated). One field of a Value is set. Messages in
messages that are encoded on their own (arrays, attributes) are bytes, as on the wire."""
_VALUE_TYPE = pl.Struct(
    {
        "string_value": pl.String(),
        "bool_value": pl.Boolean(),
        "int_value": pl.Int64(),
        "double_value": pl.Float64(),
        "array_value": pl.Binary(),
    }
)


def resource(service: str) -> Resource:
    """The resource of all records: the service, and the version of what makes them."""
    return Resource(
        attributes=[
            KeyValue(key=key, value=AnyValue(string_value=text))
            for key, text in service_attributes(service).items()
        ]
    )


def scope(name: str) -> InstrumentationScope:
    """The scope of records."""
    return InstrumentationScope(name=name)


def logs(flows: pl.DataFrame, now: int) -> list[bytes]:
    """Each flow as a `LogRecord`: its JSON is the body, its fields are attributes.

    `now` (ns) is when it was observed, and its time: as in the original, no field of a flow is.
    """
    body = pl.Series("body", json_lines(flows), dtype=pl.String)
    rows = flows.select(
        severity_number=pl.lit(_INFO, pl.Int32),
        severity_text=pl.lit("INFO"),
        body=_value(string_value=pl.lit(body)),
        attributes=_attributes(flows, {name: name for name in values.names(flows)}),
        observed_time_unix_nano=pl.lit(now, pl.UInt64),
        time_unix_nano=pl.lit(now, pl.UInt64),
    )
    return messages(_handler("Log"), rows)


def spans(flows: pl.DataFrame, splitter: Sequence[str], now: int) -> list[bytes]:
    """Each flow as a span `flp_encode`, and for each prefix of `splitter` that it has, a child.

    A child has the fields that begin with its prefix, without it, and those of no prefix. `now`
    (ns) is when they begin and end.
    """
    trace, parent = _ids(16, flows.height), _ids(8, flows.height)
    fields = values.names(flows)
    own = {name: next((p for p in splitter if name.startswith(p)), None) for name in fields}
    found = messages(
        _handler("Span"),
        _spans(flows, "flp_encode", {n: n for n in fields}, (trace, parent, None), now),
    )
    for prefix in splitter:
        mine = [name for name in fields if own[name] == prefix]
        if not mine:
            continue
        has = flows.select(
            pl.any_horizontal(values.present(flows.schema, n) for n in mine).alias("m")
        )["m"]
        child = flows.filter(has)
        shared = {name: name for name in fields if own[name] is None}
        named = shared | {name: name.removeprefix(prefix) for name in mine}
        ids = trace.filter(has), _ids(8, child.height), parent.filter(has)
        found += messages(_handler("Span"), _spans(child, prefix, named, ids, now))
    return found


def repeated(number: int, records: Sequence[bytes]) -> bytes:
    """Encoded messages as the repeated field of this number (below 16)."""
    tag = bytes([number << 3 | 2])
    heads = {size: tag + _varint(size) for size in set(map(len, records))}
    return b"".join(part for one in records for part in (heads[len(one)], one))


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _spans(
    flows: pl.DataFrame,
    name: str,
    fields: dict[str, str],
    ids: tuple[pl.Series, pl.Series, pl.Series | None],
    now: int,
) -> pl.DataFrame:
    trace, own, parent = ids
    moment = pl.lit(now, pl.UInt64)
    return flows.select(
        trace_id=pl.lit(trace),
        span_id=pl.lit(own),
        parent_span_id=pl.lit(b"") if parent is None else pl.lit(parent),
        name=pl.lit(name),
        kind=pl.lit(_INTERNAL, pl.Int32),
        start_time_unix_nano=moment,
        end_time_unix_nano=moment,
        attributes=_attributes(flows, fields),
    )


def _ids(size: int, count: int) -> pl.Series:
    drawn = secrets.token_bytes(size * count)
    cut = [drawn[at : at + size] for at in range(0, len(drawn), size)]
    return pl.Series(cut, dtype=pl.Binary)


def _attributes(flows: pl.DataFrame, fields: dict[str, str]) -> pl.Expr:
    """List of encoded attributes: the fields that a flow has, under these names, by their types."""
    found = [_attribute(flows, field, key) for field, key in fields.items()]
    if not found:
        return pl.lit([], dtype=pl.List(pl.Binary()))
    return pl.lit(pl.select(pl.concat_list(found).list.drop_nulls()).to_series())


def _attribute(flows: pl.DataFrame, field: str, key: str) -> pl.Series:
    """Binary: an attribute for each flow that has the field, else null."""
    schema = flows.schema
    if values.overflow(field) not in schema:
        return _repeated_texts(flows[field], key)
    wanted = values.present(schema, field) & ~_is_null(schema, field)
    rows = flows.select(key=pl.lit(key), value=_typed(schema, field), wanted=wanted)
    attributes = _encoded(rows.drop("wanted"))
    return pl.select(pl.when(rows["wanted"]).then(attributes)).to_series()


def _repeated_texts(column: pl.Series, key: str) -> pl.Series:
    """The same for a typed column; values that are there often are encoded once."""
    distinct = column.drop_nulls().unique() if column.dtype == pl.String else column
    value = _of_type(pl.col(column.name), column.dtype)
    found = _encoded(distinct.to_frame().select(key=pl.lit(key), value=value))
    if column.dtype == pl.String:
        return column.replace_strict(distinct, found, default=None, return_dtype=pl.Binary())
    return pl.select(pl.when(column.is_not_null()).then(found)).to_series()


def _encoded(attributes: pl.DataFrame) -> pl.Series:
    return pl.Series(pl.from_arrow(encoded(_handler("Attribute"), attributes)), dtype=pl.Binary)


def _is_null(schema: values.Schema, field: str) -> pl.Expr:
    """Boolean: the field is an explicit null, which has no attribute."""
    if values.overflow(field) not in schema:
        return pl.lit(False)
    return (pl.col(values.overflow(field)) == "null").fill_null(value=False)


def _typed(schema: values.Schema, field: str) -> pl.Expr:
    """A field as a value of its type; one of another type than its column is a text."""
    dtype = schema.get(field, pl.String())
    typed = _of_type(pl.col(field), dtype) if field in schema else None
    if values.overflow(field) not in schema and typed is not None:
        return typed
    odd = _value(string_value=values.text(schema, field))
    return odd if typed is None else pl.when(pl.col(field).is_not_null()).then(typed).otherwise(odd)


def _of_type(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List) and not isinstance(dtype.inner, (pl.Struct, pl.List)):
        text = values.json_text(column.meta.output_name(), dtype)
        return _value(array_value=values.distinct(text, _array, pl.Binary()))
    if dtype.is_nested():
        return _value(string_value=values.json_text(column.meta.output_name(), dtype))
    if dtype == pl.Boolean:
        return _value(bool_value=column)
    if dtype.is_integer():
        return _value(int_value=column.cast(pl.Int64, wrap_numerical=True))
    if dtype.is_float():
        return _value(double_value=column.cast(pl.Float64))
    return _value(string_value=column)


def _array(json_text: str) -> bytes:
    """The list of a JSON text as an `ArrayValue`."""
    return ArrayValue(values=[_any(item) for item in json.loads(json_text)]).SerializeToString()


def _any(item: object) -> AnyValue:
    if isinstance(item, bool):
        return AnyValue(bool_value=item)
    if isinstance(item, int):
        return AnyValue(int_value=item)
    if isinstance(item, float):
        return AnyValue(double_value=item)
    return AnyValue() if item is None else AnyValue(string_value=str(item))


def _value(**given: pl.Expr) -> pl.Expr:
    """A Value of which one field is given."""
    none = {field.name: pl.lit(None, dtype=field.dtype) for field in _VALUE_TYPE.fields}
    return pl.struct([value.alias(name) for name, value in (none | given).items()])


@cache
def _handler(name: str) -> Any:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="records.proto", package="otlp", syntax="proto3")
    for message, fields in _MESSAGES.items():
        declared = file.message_type.add(name=message)
        if message == "Value":
            declared.oneof_decl.add(name="value")
        for field, number, of in fields:
            kind = of.removeprefix("*")
            added = declared.field.add(
                name=field,
                number=number,
                type=_KINDS.get(kind, kinds.TYPE_MESSAGE),
                type_name=None if kind in _KINDS else f".otlp.{kind}",
                label=kinds.LABEL_REPEATED if of[0] == "*" else kinds.LABEL_OPTIONAL,
            )
            if message == "Value":
                added.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName(f"otlp.{name}")
    return HandlerPool([found.file]).get_for_message(found)
