"""Payloads to the fields of flows (docs/reference/ipfix.md#fields).

Records of one template are read together: a field is an array over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipeline.decode.framing import guarded
from pipeline.flows import values
from pipeline.netflow import cells
from pipeline.netflow.flow import flows_of
from pipeline.netflow.mapping import Mapping
from pipeline.netflow.payload import HEAD
from pipeline.netflow.template import key_of, of_key
from pipeline.stage import BuildContext, Decode, Decoded

_NOT_RECORD = "this is not a record of its template"


def decoder(context: BuildContext, mappings: Sequence[Mapping] = ()) -> Decode:
    """Payloads (`pipeline.netflow.payload`) to the fields that `context` needs.

    TimeReceived is always there. A payload that is not a record of its template is rejected.
    """

    def decode(payloads: list[bytes]) -> Decoded:
        frames: list[pl.DataFrame] = []
        places: list[int] = []
        rejected: list[tuple[int, str]] = []
        for key, indexes in _by_template(payloads).items():
            try:
                found, good = _read(key, [payloads[index] for index in indexes])
            except ValueError:
                good = [False] * len(indexes)
            rejected += [(i, _NOT_RECORD) for i, g in zip(indexes, good, strict=True) if not g]
            kept = [index for index, g in zip(indexes, good, strict=True) if g]
            if kept:
                frames.append(flows_of(found, context, mappings))
                places += kept
        if not frames:
            empty = pl.DataFrame(schema={"TimeReceived": pl.Int64})
            return Decoded(empty, sorted(rejected))
        flows = frames[0] if len(frames) == 1 else values.concat(frames)
        if places != sorted(places):
            flows = flows[np.argsort(places)]
        return Decoded(flows, sorted(rejected))

    return guarded(decode)


def _by_template(payloads: list[bytes]) -> dict[bytes, list[int]]:
    """The places of payloads, by the key of their template."""
    if payloads:
        key = key_of(payloads[0])
        if key and all(payload.startswith(key) for payload in payloads):
            return {key: list(range(len(payloads)))}
    found: dict[bytes, list[int]] = {}
    for index, payload in enumerate(payloads):
        found.setdefault(key_of(payload), []).append(index)
    return found


def _read(key: bytes, payloads: list[bytes]) -> tuple[cells.Records, list[bool]]:
    """The good payloads as records, and which ones are good. Raises ValueError when none can be."""
    template = of_key(key)
    least = len(key) + HEAD.itemsize + template.size
    if template.fixed:
        good = [len(payload) == least for payload in payloads]
        kept = payloads if all(good) else [p for p, g in zip(payloads, good, strict=True) if g]
        if not kept:
            raise ValueError(_NOT_RECORD)
        return cells.fixed(template, kept), good
    good = [len(payload) >= least for payload in payloads]
    kept = [p for p, g in zip(payloads, good, strict=True) if g]
    if not kept:
        raise ValueError(_NOT_RECORD)
    records, whole = cells.variable(template, kept)
    if not whole.all():
        bad = iter(whole.tolist())
        good = [g and next(bad) for g in good]
        kept = [p for p, g in zip(payloads, good, strict=True) if g]
        if not kept:
            raise ValueError(_NOT_RECORD)
        records, _ = cells.variable(template, kept)
    return records, good
