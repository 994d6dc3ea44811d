"""The agent's `pbflow.Record`, one a payload, to flows (flp-semantics b.2 and b.3).

A plan that reads few fields parses few: the expressions of those fields name the wire columns they
use, and the message descriptor is reduced to these. `network` and `transport` are always among
them: a Record without them, or with an address that is none, crashes the original; here it is
rejected, whatever the plan reads.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import ptars

from pipeline import values
from pipeline.decode import addresses
from pipeline.decode.events import event_lists
from pipeline.decode.flow import EXPLICIT_NULLS, FLOW
from pipeline.decode.record import descriptor
from pipeline.fields import CATALOGUE
from pipeline.stage import Decode, Decoded, Env

_EVENTS = "network_events_metadata"
_Rejected = list[tuple[int, str]]


def decoder(env: Env) -> Decode:
    """Payloads to the fields that `env` needs, with the types of the catalogue.

    TimeReceived is always there, so that a frame has its rows even when no other field is needed.
    """
    fields = {
        name: expr.cast(CATALOGUE[name].dtype).alias(name)
        for name, expr in FLOW.items()
        if env.needs(name)
    }
    nulls = {name: where for name, where in EXPLICIT_NULLS.items() if name in fields}
    wires = {"network", "transport"}.union(*(expr.meta.root_names() for expr in fields.values()))
    if env.needs("NetworkEvents"):
        wires.add(_EVENTS)
    message = descriptor(wires)
    handler = ptars.HandlerPool([message.file]).get_for_message(message)
    why = _why(wires)

    def decode(payloads: list[bytes]) -> Decoded:
        wire, malformed = _parse(handler, payloads)
        wire, faulty = _sound(wire, why, payloads, malformed)
        received = pl.repeat(int(env.clock()), pl.len(), dtype=pl.Int64).alias("TimeReceived")
        flows = wire.select(received, *fields.values())
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
        for message in sorted(wires & {"network", "xlat"})
        for end in ("src_addr", "dst_addr")
    ]
    return pl.coalesce(
        pl.when(pl.col("network").is_null()).then(pl.lit("a Record without network")),
        pl.when(pl.col("transport").is_null()).then(pl.lit("a Record without transport")),
        *map(addresses.fault, ends),
    )


def _parse(handler: Any, payloads: list[bytes]) -> tuple[pl.DataFrame, _Rejected]:
    """The wire columns of what parses, and the rest with the reason.

    The parser refuses a batch as a whole: halves are tried until the bad payloads stand alone.
    """
    parts = []
    rejected: _Rejected = []
    runs = [(0, len(payloads))]
    while runs:
        start, end = runs.pop()
        try:
            parts.append(handler.list_to_record_batch(payloads[start:end]))
        except ValueError as error:
            if end - start == 1:
                rejected.append((start, str(error)))
            else:
                middle = (start + end) // 2
                runs += [(middle, end), (start, middle)]
    parts = parts or [handler.list_to_record_batch([])]
    frames = [pl.DataFrame(pl.from_arrow(part)) for part in parts]
    return (frames[0] if len(frames) == 1 else pl.concat(frames, rechunk=True)), rejected


def _sound(
    wire: pl.DataFrame, why: pl.Expr, payloads: list[bytes], malformed: _Rejected
) -> tuple[pl.DataFrame, _Rejected]:
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
