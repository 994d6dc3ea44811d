"""The agent's `pbflow.Record`, one a payload, to flows (flp-semantics b.2 and b.3).

A plan that reads few fields parses few: the expressions of those fields name the wire columns they
use, and the message descriptor is reduced to these. `network` and `transport` are always among
them: a Record without them, or with an address that is none, crashes the original; here it is
rejected, whatever the plan reads.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import ptars
from google.protobuf import message_factory
from google.protobuf.message import DecodeError

from pipeline import values
from pipeline.decode import addresses
from pipeline.decode.events import event_lists
from pipeline.decode.flow import EXPLICIT_NULLS, FLOW
from pipeline.decode.record import descriptor
from pipeline.fields import CATALOGUE
from pipeline.stage import Decode, Decoded, Env

_EVENTS = "network_events_metadata"
_LARGE = 8192
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
    parser = _Parser(wires)
    why = _why(wires)

    def decode(payloads: list[bytes]) -> Decoded:
        wire, malformed = parser.parse(payloads)
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


class _Parser:
    """The parser of a reduced Record: fast, but it refuses a batch as a whole.

    A slower one with a limit on nesting keeps away what would overflow the stack of the fast one
    (some 100,000 nested groups), and guesses which payloads of a refused batch are the bad ones.
    """

    def __init__(self, wires: set[str]) -> None:
        message = descriptor(wires)
        self._read = ptars.HandlerPool([message.file]).get_for_message(message).list_to_record_batch
        self._read_one = message_factory.GetMessageClass(message).FromString

    def parse(self, payloads: list[bytes]) -> tuple[pl.DataFrame, _Rejected]:
        """The wire columns of what parses, and the rest with the reason."""
        large = [index for index, payload in enumerate(payloads) if len(payload) > _LARGE]
        bad = {i: "malformed, or nested too deeply" for i in large if self._suspect(payloads[i])}
        try:
            batch = self._read(_without(payloads, bad))
        except ValueError:
            rest = [index for index in range(len(payloads)) if index not in bad]
            suspects = [index for index in rest if self._suspect(payloads[index])]
            bad |= {i: reason for s in suspects for i, reason in self._bad(payloads, [s])}
            rest = [index for index in rest if index not in bad]
            bad |= dict(self._bad(payloads, rest))
            batch = self._read(_without(payloads, bad))
        return pl.DataFrame(pl.from_arrow(batch)), sorted(bad.items())

    def _suspect(self, payload: bytes) -> bool:
        try:
            self._read_one(payload)
        except DecodeError:
            return True
        return False

    def _bad(self, payloads: list[bytes], places: list[int]) -> Iterator[tuple[int, str]]:
        """The payloads that are refused on their own, found by halving."""
        try:
            self._read([payloads[index] for index in places])
        except ValueError as error:
            if len(places) == 1:
                yield places[0], str(error)
                return
            middle = len(places) // 2
            yield from self._bad(payloads, places[:middle])
            yield from self._bad(payloads, places[middle:])


def _without(payloads: list[bytes], bad: dict[int, str]) -> list[bytes]:
    return [p for index, p in enumerate(payloads) if index not in bad] if bad else payloads


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
