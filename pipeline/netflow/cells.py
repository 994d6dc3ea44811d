"""The bytes of each field over many records of one template, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.netflow.payload import HEAD
from pipeline.netflow.template import VARIABLE, Template

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.uint64]
Booleans = npt.NDArray[np.bool_]
_WORD = 8


class Cells(NamedTuple):
    """A field: row `n` has `lengths[n]` bytes from `starts[n]` on in `data`."""

    data: Bytes
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    def numbers(self, *, little: bool = False) -> Numbers:
        """Unsigned numbers of up to 8 bytes; longer ones are 0."""
        index = np.arange(_WORD)
        if little:
            places = self.starts[:, None] + index
            inside = index < self.lengths[:, None]
        else:
            places = (self.starts + self.lengths)[:, None] + (index - _WORD)
            inside = index >= _WORD - self.lengths[:, None]
        inside &= (self.lengths <= _WORD)[:, None]
        found = np.where(inside, self.data[np.clip(places, 0, self.data.size - 1)], 0)
        return _words(found.astype(np.uint8), little=little)

    def raw(self, size: int) -> Bytes | None:
        """The bytes of fields that all have this size: one row each; None where one has not."""
        if not np.all(self.lengths == size):
            return None
        rows: Bytes = self.data[self.starts[:, None] + np.arange(size)]
        return rows

    def pieces(self) -> list[bytes]:
        """The bytes of each row."""
        whole, ends = self.data.tobytes(), self.starts + self.lengths
        pairs = zip(self.starts.tolist(), ends.tolist(), strict=True)
        return [whole[start:end] for start, end in pairs]


class FixedCells(NamedTuple):
    """A field of which all rows have the same size: `table` has a row of bytes for each."""

    table: Bytes

    def numbers(self, *, little: bool = False) -> Numbers:
        """Unsigned numbers of up to 8 bytes; longer ones are 0."""
        height, size = self.table.shape
        if size in {1, 2, 4, 8}:
            order = "<" if little else ">"
            found = np.ascontiguousarray(self.table).view(f"{order}u{size}")
            return found[:, 0].astype(np.uint64)
        padded = np.zeros((height, _WORD), np.uint8)
        if size < _WORD:
            padded[:, slice(0, size) if little else slice(_WORD - size, _WORD)] = self.table
        return _words(padded, little=little)

    def raw(self, size: int) -> Bytes | None:
        """The bytes of fields that all have this size: one row each; None where one has not."""
        return self.table if self.table.shape[1] == size else None

    def pieces(self) -> list[bytes]:
        """The bytes of each row."""
        return [row.tobytes() for row in self.table]


AnyCells = Cells | FixedCells


def _words(table: Bytes, *, little: bool) -> Numbers:
    return np.ascontiguousarray(table).view("<u8" if little else ">u8")[:, 0].astype(np.uint64)


class Records(NamedTuple):
    """Records of one template: their heads (HEAD), and the cells of each field in order."""

    template: Template
    heads: npt.NDArray[np.void]
    cells: list[AnyCells]


def fixed(template: Template, payloads: list[bytes]) -> Records:
    """The records of a template whose records have one size; each payload has the right one."""
    before = len(template.key)
    data = np.frombuffer(b"".join(payloads), np.uint8).reshape(len(payloads), -1)
    cells: list[AnyCells] = []
    at = before + HEAD.itemsize
    for field in template.fields:
        cells.append(FixedCells(data[:, at : at + field.length]))
        at += field.length
    return Records(template, _heads(data[:, before : before + HEAD.itemsize]), cells)


def variable(template: Template, payloads: list[bytes]) -> tuple[Records, Booleans]:
    """The records of any template, and which payloads are as long as their fields say."""
    before = len(template.key)
    sizes = np.fromiter(map(len, payloads), np.int64, len(payloads))
    data = np.frombuffer(b"".join(payloads) + bytes(3), np.uint8)
    ends = np.cumsum(sizes)
    begins = ends - sizes + before
    heads = data[begins[:, None] + np.arange(HEAD.itemsize)]
    at = begins + HEAD.itemsize
    cells: list[AnyCells] = []
    for field in template.fields:
        lengths = np.full(len(payloads), field.length, np.int64)
        if field.length == VARIABLE:
            first = np.minimum(at, data.size - 3)
            long = data[first] == 255
            two = data[first + 1].astype(np.int64) << 8 | data[first + 2]
            lengths = np.where(long, two, data[first])
            at = at + np.where(long, 3, 1)
        starts = np.minimum(at, ends)
        cells.append(Cells(data, starts, np.minimum(lengths, ends - starts)))
        at = at + lengths
    return Records(template, _heads(heads), cells), at == ends


def _heads(table: Bytes) -> npt.NDArray[np.void]:
    return np.ascontiguousarray(table).view(HEAD)[:, 0]
