"""JSON flows read one payload at a time: any that are flows, whatever their fields hold."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain

import polars as pl

from pipeline.decode.columns import columns
from pipeline.decode.objects import Flow, parse, reserved
from pipeline.stage import BuildContext, Decoded

RECEIVED = "TimeReceived"

_SLICE = 512
"""Flows held as dicts at a time: few enough to stay in the processor's cache."""

_RESERVED = "a reserved field name: *, ^...$ or one that starts with U+001E or U+001F"


def read(payloads: list[bytes], context: BuildContext, max_bytes: int) -> Decoded:
    """The fields that the payloads have and `context` needs; TimeReceived is always there."""
    with no_collection():
        table = _Table(context)
        rejected: list[tuple[int, str]] = []
        for start in range(0, len(payloads), _SLICE):
            rows, names, bad = _rows(payloads[start : start + _SLICE], max_bytes)
            table.append(rows, names)
            rejected += [(start + index, reason) for index, reason in bad]
        flows, coerced = table.frame()
        return Decoded(flows, rejected, coerced)


class _Table:
    """Cells by field, all of one height."""

    def __init__(self, context: BuildContext) -> None:
        self.context = context
        self.height = 0
        self.cells: dict[str, list[object]] = {}

    def append(self, rows: list[Flow], names: Iterable[str]) -> None:
        for name in filter(self.context.needs, names):
            self._column(name).extend([row.get(name) for row in rows])
        self.height += len(rows)

    def frame(self) -> tuple[pl.DataFrame, int]:
        """The frame, and how many texts were coerced to numbers."""
        now = int(self.context.clock())
        received = self._column(RECEIVED)
        self.cells[RECEIVED] = [now if cell is None else cell for cell in received]
        full = {name: self._column(name) for name in self.cells}
        typed = [
            columns(name, cells) for name, cells in full.items() if name == RECEIVED or _any(cells)
        ]
        series = [column for group, _ in typed for column in group]
        return pl.DataFrame({s.name: s for s in series}), sum(coerced for _, coerced in typed)

    def _column(self, name: str) -> list[object]:
        """The cells of a field, filled up to the height."""
        column = self.cells.setdefault(name, [])
        column += [None] * (self.height - len(column))
        return column


def _rows(
    payloads: list[bytes], max_bytes: int
) -> tuple[list[Flow], Iterable[str], list[tuple[int, str]]]:
    """The flows, the names of their fields, and the bad payloads with the reason."""
    rows: dict[int, Flow] = {}
    rejected: dict[int, str] = {}
    for index, payload in enumerate(payloads):
        try:
            rows[index] = parse(payload, max_bytes)
        except ValueError as error:
            rejected[index] = str(error)
    names = dict.fromkeys(chain.from_iterable(rows.values()))
    if any(map(reserved, names)):
        rejected |= {i: _RESERVED for i, row in rows.items() if any(map(reserved, row))}
        rows = {index: row for index, row in rows.items() if index not in rejected}
        names = dict.fromkeys(chain.from_iterable(rows.values()))
    return list(rows.values()), names, sorted(rejected.items())


def _any(cells: list[object]) -> bool:
    return any(cell is not None for cell in cells)


@contextmanager
def no_collection() -> Iterator[None]:
    """Decoding makes many objects and no cycles: the collector would only walk them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
