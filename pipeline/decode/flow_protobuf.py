"""`flowmatrix.Flow`, one a payload, to flows: what `pipeline.flows.protobuf` made of them."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipeline.decode.columns import columns
from pipeline.decode.objects import parse, reserved
from pipeline.decode.parser import Parser
from pipeline.flows import values
from pipeline.flows.catalogue import CATALOGUE
from pipeline.flows.protobuf import NAMES, OTHER, descriptor, is_list
from pipeline.stage import BuildContext, Decode, Decoded

_RECEIVED = "TimeReceived"
_ROW, _PLACE = values.HIDDEN + "row", values.HIDDEN + "place"


def decoder(context: BuildContext) -> Decode:
    """Payloads to the fields that `context` needs; TimeReceived is always there.

    A number beyond the type of its field is kept in the overflow column. What is in `other` is
    read as JSON flows are.
    """
    needed = [name for name in NAMES if context.needs(name) or name == _RECEIVED]
    parser = Parser(descriptor(needed))

    def decode(payloads: list[bytes]) -> Decoded:
        wire, rejected = parser.parse(payloads)
        gone = {index for index, _ in rejected}
        places = [index for index in range(len(payloads)) if index not in gone]
        wire = wire.with_columns(pl.Series(_PLACE, places, dtype=pl.UInt32))
        others, texts = _others(context, wire)
        bad = {p: "an empty message" for p in places if not payloads[p]} | _faults(others, texts)
        if bad:
            wire = wire.filter(~pl.col(_PLACE).is_in(list(bad)))
        flows = _typed(wire, needed, int(context.clock()))
        rows = wire.select(_PLACE).with_row_index(_ROW)
        flows, coerced = _with_others(flows, others.join(rows, on=_PLACE), texts)
        return Decoded(flows, sorted([*rejected, *bad.items()]), coerced)

    return decode


def _typed(wire: pl.DataFrame, names: list[str], now: int) -> pl.DataFrame:
    """The fields of the catalogue with its types; those that no flow has are left out."""
    flows = wire.select(pl.col(_RECEIVED).fill_null(now))
    for name in names:
        column, dtype = wire[name], CATALOGUE[name].dtype
        if is_list(name):
            column = wire.select(pl.when(pl.col(name).list.len() > 0).then(name))[name]
        if name == _RECEIVED or column.null_count() == len(column):
            continue
        fits = column.cast(dtype, strict=False)
        flows = flows.with_columns(fits)
        if fits.null_count() > column.null_count():
            beyond = column.set(fits.is_not_null(), None).cast(pl.String)
            flows = flows.with_columns(beyond.alias(values.overflow(name)))
    return flows


def _others(context: BuildContext, wire: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Place, name and json of every needed entry of `other`, and the values of distinct texts.

    The value of a text that is not JSON is its error.
    """
    rows = wire.select(_PLACE, OTHER).filter(pl.col(OTHER).list.len() > 0)
    entries = rows.explode(OTHER).unnest(OTHER)
    kept = [name for name in entries["name"].unique().to_list() if context.needs(name)]
    entries = entries.filter(pl.col("name").is_in(kept))
    return entries, {text: _value(text) for text in entries["json"].unique().to_list()}


def _value(text: str) -> object:
    try:
        return parse(f'{{"":{text}}}'.encode())[""]
    except ValueError as error:
        return error


def _faults(others: pl.DataFrame, texts: dict[str, Any]) -> dict[int, str]:
    bad = [text for text, value in texts.items() if isinstance(value, ValueError)]
    odd = [name for name in others["name"].unique().to_list() if reserved(name)]
    faults = others.filter(pl.col("json").is_in(bad) | pl.col("name").is_in(odd))
    return {
        place: f"field {name!r}: " + (str(texts[text]) if text in bad else "a reserved name")
        for place, name, text in faults.select(_PLACE, "name", "json").iter_rows()
    }


def _with_others(
    flows: pl.DataFrame, others: pl.DataFrame, texts: dict[str, Any]
) -> tuple[pl.DataFrame, int]:
    """The flows with their other fields, and how many texts were coerced to numbers."""
    coerced = 0
    for (name,), entries in others.group_by("name", maintain_order=True):
        cells: list[Any] = [None] * flows.height
        nulls = [False] * flows.height
        for row, text in entries.select(_ROW, "json").iter_rows():
            cells[row] = texts[text]
            nulls[row] = text == "null"
        found, more = columns(str(name), cells)
        coerced += more
        flows = _merged(flows, str(name), found)
        flows = values.put_null(flows, str(name), pl.lit(pl.Series(nulls)))
    return flows, coerced


def _merged(flows: pl.DataFrame, name: str, found: list[pl.Series]) -> pl.DataFrame:
    """The columns of a field put where the flows have nothing of it yet."""
    flows = values.put(flows, name, found[0])
    for odd in found[1:]:
        old = [pl.col(odd.name)] if odd.name in flows.columns else []
        flows = flows.with_columns(pl.coalesce(pl.lit(odd), *old).alias(odd.name))
    return flows
