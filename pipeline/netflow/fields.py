"""The elements of records, taken in their order as the fields of flows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.decode.addresses import ip_text
from pipeline.netflow import elements as e
from pipeline.netflow.cells import AnyCells, Booleans, Bytes, Numbers, Records
from pipeline.netflow.mapping import Kind, Mapping
from pipeline.netflow.moments import Moments
from pipeline.netflow.options import PROBABILITY

_IPV4, _IPV6 = 0x0800, 0x86DD
_LEAST_SHARE = 1 / 0xFFFFFFFF


class Address:
    """An address of each flow: of which family it is (0: none, 4, 6), and its bytes."""

    def __init__(self, height: int) -> None:
        self.family = np.zeros(height, np.uint8)
        self._four = np.zeros(height, np.uint32)
        self._six: Bytes | None = None

    def take(self, size: int, raw: Bytes) -> Booleans:
        """Take what is not zero, or what nothing was known of; which rows took it."""
        taken: Booleans = (self.family == 0) | raw.any(axis=1)
        if size == 4:
            numbers = np.ascontiguousarray(raw).view(">u4")[:, 0]
            self._four = np.where(taken, numbers, self._four).astype(np.uint32)
        else:
            before = np.zeros_like(raw) if self._six is None else self._six
            self._six = np.where(taken[:, None], raw, before)
        self.family[taken] = 4 if size == 4 else 6
        return taken

    def text(self) -> pl.Series:
        """String: the address, empty where there is none."""
        four = pl.Series("ipv4", self._four)
        if self._six is None:
            six = pl.Series("ipv6", [None], dtype=pl.Binary).new_from_index(0, len(four))
        else:
            six = binary(self._six).alias("ipv6").set(pl.Series(self.family != 6), None)
        both = pl.DataFrame([four, six]).to_struct()
        text = pl.select(ip_text(pl.lit(both))).to_series()
        return text.set(pl.Series(self.family == 0), "") if not self.family.all() else text


class Filled:
    """The fields of the flows of one template, as the elements fill them in their order."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.height = len(records.heads)
        self.numbers: dict[str, Numbers] = {}
        self.addresses: dict[str, Address] = {}
        self.moments = Moments(records)
        self.texts: dict[str, pl.Series] = {}
        self.mpls = False

    def number(self, name: str) -> Numbers:
        """The numbers of a field, 0 where no element has filled it."""
        found = self.numbers.get(name)
        return np.zeros(self.height, np.uint64) if found is None else found

    def read(self, element: int, cell: AnyCells) -> None:
        """Take an element that IANA defines."""
        if element in e.NUMBERS:
            self._numbers(element, cell)
        elif element in e.ADDRESSES:
            self._address(element, cell)
        elif element in e.ICMP:
            both = cell.numbers() & np.uint64(0xFFFF)
            self.numbers["IcmpType"] = both >> np.uint64(8)
            self.numbers["IcmpCode"] = both & np.uint64(255)
        elif element in e.FLAGS_OF_FRAGMENTS:
            self.numbers["FragmentOffset"] = self.number("FragmentOffset") | cell.numbers()
        elif element in e.LABELS:
            self.numbers[e.LABELS[element]] = cell.numbers() >> np.uint64(4)
            self.mpls |= element == e.TOP_LABEL
        elif element == e.IP_VERSION:
            version = cell.numbers()
            for number, etype in ((4, _IPV4), (6, _IPV6)):
                self._etype(version == number, etype)
        elif element == PROBABILITY:
            self._probability(cell)
        elif element == e.INTERFACE_NAME:
            self.texts["Interfaces"] = texts(cell.pieces())
        else:
            self.moments.read(element, cell)

    def map(self, mapping: Mapping, cell: AnyCells) -> None:
        """Take an element as the user has said."""
        if mapping.kind is Kind.TEXT:
            self.texts[mapping.name] = texts(cell.pieces())
        elif mapping.kind is Kind.NUMBER:
            self.numbers[mapping.name] = cell.numbers(little=mapping.little)
        else:
            for size in (4, 16):
                raw = cell.raw(size)
                if raw is not None:
                    self._take(mapping.name, size, raw)

    def _numbers(self, element: int, cell: AnyCells) -> None:
        known = {field.element for field in self.records.template.fields if not field.enterprise}
        delta = e.TOTALS.get(element)
        if delta and known & {delta, delta + 22}:
            return
        for name in e.NUMBERS[element]:
            self.numbers[name] = cell.numbers()
        if element == e.FRAME_SIZE:
            self.numbers["Packets"] = np.ones(self.height, np.uint64)

    def _address(self, element: int, cell: AnyCells) -> None:
        name, size = e.ADDRESSES[element]
        raw = cell.raw(size)
        if raw is not None:
            self._take(name, size, raw)

    def _take(self, name: str, size: int, raw: Bytes) -> None:
        taken = self.addresses.setdefault(name, Address(self.height)).take(size, raw)
        if name in {"SrcAddr", "DstAddr"}:
            self._etype(taken, _IPV4 if size == 4 else _IPV6)

    def _etype(self, where: Booleans, etype: int) -> None:
        self.numbers["Etype"] = np.where(where, np.uint64(etype), self.number("Etype"))

    def _probability(self, cell: AnyCells) -> None:
        raw = cell.raw(8)
        if raw is None:
            return
        shares = np.ascontiguousarray(raw).view(">f8")[:, 0].astype(np.float64)
        usual = (shares >= _LEAST_SHARE) & (shares <= 1)
        rates = np.rint(1 / np.where(usual, shares, 1.0))
        self.numbers["SamplingRate"] = np.where(usual, rates, 0).astype(np.uint64)


def binary(table: Bytes) -> pl.Series:
    """Binary: the rows of a table of bytes."""
    height, size = table.shape
    buffer = pa.py_buffer(np.ascontiguousarray(table))
    rows = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), height, [None, buffer])
    found: pl.Series = pl.Series(rows.cast(pa.binary()))
    return found


def texts(pieces: list[bytes]) -> pl.Series:
    """String: bytes as UTF-8 without zeros at the end; other bytes as hex digits."""
    return pl.Series([_text(piece) for piece in pieces], dtype=pl.String)


def _text(piece: bytes) -> str:
    try:
        return piece.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return piece.hex()
