"""One row per element of list fields (docs/reference/encode-prom.md#flatten)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.flows import gotext, values
from pipeline.stage import BuildContext, Example, Fields, Step, Transform

_ROW = values.HIDDEN + "row"


class Flatten(Transform, frozen=True, kw_only=True, tag="flatten"):
    """Split each flow into a row per element of the lists in `fields`; several multiply.

    An element is the field's value in its row; of an element that is an object, each key is a
    field `Field>key` of its own (as text) instead. A field without elements (absent, null, no
    list, empty, a list of numbers from the agent) adds no rows: it is absent in the row that the
    other fields give, one at least. Parts keep the order of the lists, the first field outermost.
    """

    example: ClassVar[Example] = Example(
        config="- {name: parts, type: flatten, follows: flows, fields: [Flags, NetworkEvents]}",
        flows="""
            {"DstPort": 443, "Flags": ["SYN", "ACK"]}
            {"DstPort": 53, "NetworkEvents": [{"Action": "allow", "Name": "dns"}]}
        """,
        output="""
            {"DstPort": 443, "Flags": "SYN"}
            {"DstPort": 443, "Flags": "ACK"}
            {"DstPort": 53, "NetworkEvents>Action": "allow", "NetworkEvents>Name": "dns"}
        """,
    )

    fields: list[str]

    def reads(self) -> Fields:
        return frozenset(self.fields)

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        yield from ((("fields", index), name) for index, name in enumerate(self.fields))

    def check(self, folder: Path) -> Iterator[Problem]:
        if not self.fields:
            yield Problem(("fields",), "there is no field to flatten")

    def lists(self, fields: Fields) -> Fields:
        return fields - frozenset(self.fields)

    def build(self, context: BuildContext) -> Step:
        names = list(dict.fromkeys(self.fields))

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            if context.needed is not None:  # each column is copied once for every element
                flows = values.only(flows, {*context.needed, values.PART})
            if context.needs(values.ORIGIN) and values.ORIGIN not in flows.columns:
                flows = flows.with_row_index(values.ORIGIN)
            for name in names:
                flows = _split(_without_parts(flows, name), name, context)
            return flows

        return step


def _without_parts(flows: pl.DataFrame, name: str) -> pl.DataFrame:
    """A field `name>key` that the flow came with is not one of its elements."""
    nested = [field for field in values.names(flows) if field.startswith(f"{name}>")]
    return values.drop(flows, *nested)


def _split(flows: pl.DataFrame, name: str, context: BuildContext) -> pl.DataFrame:
    inner = _inner(flows, name)
    if _has_json_lists(flows, name) or _has_null_elements(flows, name):
        return _split_json(flows, name, context)
    if inner == pl.String or isinstance(inner, pl.Struct):
        flows = _exploded(flows.drop(values.overflow(name), strict=False), name)
        return _unnested(flows, name, inner, context) if isinstance(inner, pl.Struct) else flows
    return values.drop(flows, name)


def _exploded(flows: pl.DataFrame, name: str) -> pl.DataFrame:
    """A row per element; DataFrame.explode takes twice as long for the other columns."""
    parts = flows.select(name).with_row_index(_ROW).explode(name, empty_as_null=True)
    others = flows.drop(name)[parts[_ROW]]
    return others.with_columns(parts[name]).select(flows.columns)


def _inner(flows: pl.DataFrame, name: str) -> pl.DataType | None:
    """The type of the elements, where the column is of lists."""
    dtype = flows.schema.get(name)
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    return inner if isinstance(inner, pl.DataType) else None


def _has_json_lists(flows: pl.DataFrame, name: str) -> bool:
    odd = values.overflow(name)
    return odd in flows.columns and bool(flows[odd].str.starts_with("[").any())


def _has_null_elements(flows: pl.DataFrame, name: str) -> bool:
    if _inner(flows, name) is None:
        return False
    return flows[name].explode(empty_as_null=False, keep_nulls=False).has_nulls()


def _unnested(
    flows: pl.DataFrame, name: str, inner: pl.Struct, context: BuildContext
) -> pl.DataFrame:
    keys = [key.name for key in inner.fields if context.needs(f"{name}>{key.name}")]
    parts = [pl.col(name).struct.field(key).alias(f"{name}>{key}") for key in keys]
    return flows.with_columns(parts).drop(name)


def _split_json(flows: pl.DataFrame, name: str, context: BuildContext) -> pl.DataFrame:
    """The same for lists outside a typed column: through their JSON text, once per text."""
    key = f"{values.HIDDEN}json"
    inner = _inner(flows, name)
    of_numbers = inner is not None and inner.is_numeric()
    cell = pl.col(values.overflow(name)) if of_numbers else values.cell(flows.schema, name)
    flows = values.drop(flows.with_columns(cell.alias(key)), name)
    texts = flows[key].drop_nulls().unique().to_list()
    rows = [{key: text} | part for text in texts for part in _parts(text, name, context)]
    columns = dict.fromkeys(column for row in rows for column in row)
    parts = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String) or {key: pl.String})
    return flows.join(parts, on=key, how="left", maintain_order="left_right").drop(key)


def _parts(json_text: str, name: str, context: BuildContext) -> list[dict[str, str]]:
    """The columns of each element of a JSON list; of anything else, no element."""
    elements = msgspec.json.decode(json_text)
    if not isinstance(elements, list):
        return []
    return [_columns(element, name, context) for element in elements]


def _columns(element: object, name: str, context: BuildContext) -> dict[str, str]:
    if isinstance(element, dict):
        parts = {f"{name}>{key}": value for key, value in element.items() if value is not None}
        texts = {field: gotext.text(gotext.doubles(v)) for field, v in parts.items()}
        return {field: text for field, text in texts.items() if context.needs(field)}
    if isinstance(element, str):
        return {name: element}
    return {values.overflow(name): msgspec.json.encode(element).decode()}
