"""When flows began and ended, in whichever unit their exporter tells it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.netflow.cells import AnyCells, Numbers, Records
from pipeline.netflow.elements import END, START
from pipeline.netflow.options import BEGAN

Times = npt.NDArray[np.int64]
_NTP = 2_208_988_800
"""Seconds from 1900 to 1970."""
_MOST = np.uint64(2**62)
_HALF = 1 << 31


class Moments:
    """Begin and end of each flow: milliseconds since 1970, and whole seconds."""

    def __init__(self, records: Records) -> None:
        self._exported = records.heads["exported"].astype(np.int64)
        self._uptime = records.heads["uptime"].astype(np.int64)
        self._knows_uptime = records.template.version != 10 or bool(self._uptime.any())
        self._began: Times | None = None
        self._relative: dict[str, Numbers] = {}
        self._found: dict[str, tuple[Times, Times]] = {}

    def read(self, element: int, cell: AnyCells) -> None:
        """Take an element, if it is a time."""
        if element == BEGAN:
            self._began = _signed(cell.numbers())
        for end, units in (("Start", START), ("End", END)):
            unit = units.get(element)
            if unit == "uptime":
                self._relative[end] = cell.numbers()
            elif unit:
                ms = self._milliseconds(unit, cell.numbers())
                self._found[end] = ms, ms // 1000

    def start(self) -> tuple[Times, Times]:
        """When flows began, in ms and s; when they ended where that is not told."""
        return self._of("Start") or self.end()

    def end(self) -> tuple[Times, Times]:
        """When flows ended, in ms and s; when they were exported where that is not told."""
        return self._of("End") or (self._exported * 1000, self._exported)

    def _of(self, end: str) -> tuple[Times, Times] | None:
        ticks = self._relative.get(end)
        if end in self._found or ticks is None:
            return self._found.get(end)
        since = ticks.astype(np.int64)
        if self._began is not None:
            return self._began + since, (self._began + since) // 1000
        if not self._knows_uptime:
            return None
        ago = (self._uptime - since) & 0xFFFFFFFF
        ago = np.where(ago >= _HALF, ago - (1 << 32), ago)  # the clock that counts may lag
        return self._exported * 1000 - ago, self._exported - ago // 1000

    def _milliseconds(self, unit: str, numbers: Numbers) -> Times:
        if unit == "s":
            return _signed(np.minimum(numbers, np.uint64(1 << 33))) * 1000
        if unit == "ms":
            return _signed(numbers)
        if unit == "delta":
            return self._exported * 1000 - _signed(numbers) // 1000
        return _precise(numbers, 1000 if unit == "us" else 1_000_000)


def _precise(numbers: Numbers, divisor: int) -> Times:
    """From NTP's form, 32 bits of seconds since 1900 and 32 of a fraction (RFC 7011, 6.1.9).

    Some exporters give a number of units since 1970 instead: read as NTP, that is before 1970.
    """
    seconds = _signed(numbers >> np.uint64(32))
    fraction = _signed(numbers & np.uint64(0xFFFFFFFF))
    ntp = (seconds - _NTP) * 1000 + (fraction * 1000 >> 32)
    plain: Times = np.where(seconds >= _NTP, ntp, _signed(numbers) // divisor)
    return plain


def _signed(numbers: Numbers) -> Times:
    return np.minimum(numbers, _MOST).astype(np.int64)
