"""The agent's `pbflow.Record`, one a payload, to flows.

Source: docs/reference/decoding.md#record, docs/reference/decoding.md#flow.
A plan that reads few fields parses few: the expressions of those fields name the wire columns they
use, and the message descriptor is reduced to these. `network` and `transport` are always among
them: a Record without them, or with an address that is not valid, crashes the original; here it is
rejected, whatever the plan reads.
"""

from __future__ import annotations

import polars as pl

from pipeline.decode import addresses
from pipeline.decode.events import event_lists
from pipeline.decode.flow import EXPLICIT_NULLS, FLOW
from pipeline.decode.parser import Parser, Rejected
from pipeline.decode.record import descriptor
from pipeline.flows import values
from pipeline.flows.catalogue import CATALOGUE
from pipeline.stage import BuildContext, Decode, Decoded

_EVENTS = "network_events_metadata"
_TRANSLATION = "xlat"
"""A message that most agents never send; what is made of it takes as long as the addresses."""


def decoder(context: BuildContext) -> Decode:
    """Payloads to the fields that `context` needs, with the types of the catalogue.

    TimeReceived is always there, so that a frame has its rows even when no other field is needed.
    """
    fields = {
        name: expr.cast(CATALOGUE[name].dtype).alias(name)
        for name, expr in FLOW.items()
        if context.needs(name)
    }
    plain = fields | {
        name: pl.lit(None, dtype=CATALOGUE[name].dtype).alias(name)
        for name in fields
        if _TRANSLATION in FLOW[name].meta.root_names()
    }
    nulls = {name: where for name, where in EXPLICIT_NULLS.items() if name in fields}
    wires = {"network", "transport"}.union(*(expr.meta.root_names() for expr in fields.values()))
    if context.needs("NetworkEvents"):
        wires.add(_EVENTS)
    parser = Parser(descriptor(wires))
    why, why_plain = (_why(some) for some in (wires, wires - {_TRANSLATION}))

    def decode(payloads: list[bytes]) -> Decoded:
        wire, malformed = parser.parse(payloads)
        translated = _TRANSLATION in wires and wire[_TRANSLATION].null_count() < wire.height
        wire, faulty = _sound(wire, why if translated else why_plain, payloads, malformed)
        received = pl.repeat(int(context.clock()), pl.len(), dtype=pl.Int64).alias("TimeReceived")
        flows = wire.select(received, *(fields if translated else plain).values())
        for name, where in nulls.items():
            flows = values.put_null(flows, name, pl.lit(wire.select(where).to_series()))
        if _EVENTS in wire.columns:
            flows = flows.with_columns(event_lists(wire[_EVENTS]).alias("NetworkEvents"))
        return Decoded(flows, sorted(malformed + faulty))

    return decode


def _why(wires: set[str]) -> pl.Expr:
    """String: what is wrong with a Record, null for a sound one."""
    ends = [
        pl.col(message).struct.field(end)
        for message in sorted(wires & {"network", _TRANSLATION})
        for end in ("src_addr", "dst_addr")
    ]
    return pl.coalesce(
        pl.when(pl.col("network").is_null()).then(pl.lit("a Record without network")),
        pl.when(pl.col("transport").is_null()).then(pl.lit("a Record without transport")),
        *map(addresses.fault, ends),
    )


def _sound(
    wire: pl.DataFrame, why: pl.Expr, payloads: list[bytes], malformed: Rejected
) -> tuple[pl.DataFrame, Rejected]:
    """The rows without fault, and the others by their place among the payloads."""
    faults = wire.select(why).to_series()
    if faults.null_count() == len(faults):
        return wire, []
    gone = {index for index, _ in malformed}
    places = [index for index in range(len(payloads)) if index not in gone]
    rejected = [
        (index, fault if payloads[index] else "an empty message")
        for index, fault in zip(places, faults, strict=True)
        if fault is not None
    ]
    return wire.filter(faults.is_null()), rejected
