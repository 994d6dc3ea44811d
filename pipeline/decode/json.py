"""JSON flows, one object a payload (docs/reference/decoding.md#json).

Numbers are doubles, nulls at the top are absent fields, TimeReceived is added unless present.
Payloads are read many at a time where they are plain and their fields have the types that most
flows had before, the others one at a time. A flow is the same either way.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.decode import json_rows, typed_json
from pipeline.decode.json_rows import RECEIVED
from pipeline.decode.objects import MAX_BYTES
from pipeline.decode.passed_over import Places
from pipeline.decode.typed_json import Read
from pipeline.flows import values
from pipeline.flows.catalogue import CATALOGUE
from pipeline.stage import BuildContext, Decode, Decoded

_FEW = 64
"""So many take less time one by one."""

_MAX_WAIT = 63
"""The most batches until types that did not fit are tried again."""

_MAX_FIELDS = 500
"""Of flows with more fields than these, all are read one by one."""


def decoder(context: BuildContext, max_bytes: int = MAX_BYTES, *, few: int = _FEW) -> Decode:
    """Payloads to the fields that they have and `context` needs; TimeReceived is always there.

    A payload of more than `max_bytes` is rejected unread. Up to `few` are read one at a time.
    """
    types = _Types(context)

    def decode(payloads: list[bytes]) -> Decoded:
        if len(payloads) <= few:
            return json_rows.read(payloads, context, max_bytes)
        quick, places = types.read(payloads, max_bytes)
        rest = np.delete(np.arange(len(payloads)), places)
        if not len(rest):
            return Decoded(quick, [])
        left = [payloads[index] for index in rest.tolist()]
        flows, rejected, coerced = json_rows.read(left, context, max_bytes)
        types.learn(flows, failed=2 * len(rest) > len(payloads))
        reasons = [(int(rest[index]), reason) for index, reason in rejected]
        if len(places):
            order = np.concatenate((places, np.delete(rest, [index for index, _ in rejected])))
            flows = values.concat([quick, flows])[np.argsort(order)]
        return Decoded(flows, reasons, coerced)

    return decode


class _Types:
    """The types that the fields have: of the catalogue at first, then as most of a batch were."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        needed = {*(context.needed or ()), RECEIVED}
        known = {name: field.dtype for name, field in CATALOGUE.items() if name in needed}
        self._types: dict[str, pl.DataType] = dict.fromkeys(needed, pl.String()) | known
        if context.needed is None:
            self._types |= {name: field.dtype for name, field in CATALOGUE.items()}
        self._seen: set[str] = set()
        self._read: Read | None = None
        self._wait = self._penalty = 0

    def read(self, payloads: list[bytes], max_bytes: int) -> tuple[pl.DataFrame, Places]:
        """The flows of a batch that can be read by these types, and which payloads these are."""
        if self._wait or len(self._types) > _MAX_FIELDS:
            self._wait = max(0, self._wait - 1)
            return pl.DataFrame(), np.empty(0, np.intp)
        if self._read is None:
            self._read = self._reader()
        flows, places = self._read(payloads, max_bytes)
        now = pl.lit(int(self._context.clock()), pl.Int64).alias(RECEIVED)
        if self._context.needs(RECEIVED):
            now = pl.coalesce(RECEIVED, now)
        flows = flows.with_columns(now)
        absent = [column.name for column in flows if column.null_count() == flows.height]
        flows = flows.drop(absent)
        self._see(flows)
        return flows, places

    def _reader(self) -> Read:
        """Where every field is read, of those that were seen: others make a payload an odd one."""
        whole = self._context.needed is None
        names = self._seen if whole and self._seen else self._types
        return typed_json.reader({name: self._types[name] for name in names}, whole=whole)

    def _see(self, flows: pl.DataFrame) -> None:
        new = self._types.keys() & set(flows.columns) - self._seen
        if new:
            self._seen |= new
            self._read = None

    def learn(self, flows: pl.DataFrame, *, failed: bool) -> None:
        """Take note of the fields; if most of a batch was not readable, of their types.

        Then also wait longer each time.
        """
        self._see(flows)
        if not failed:
            self._wait = self._penalty = 0
            return
        self._wait, self._penalty = self._penalty, min(2 * self._penalty + 1, _MAX_WAIT)
        for name, dtype in flows.schema.items():
            if not values.is_overflow(name):
                self._types[name] = dtype
        self._read = None
