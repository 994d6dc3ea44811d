"""When flows were, in every unit that exporters tell it in."""

import struct

import pytest

from pipeline.netflow import cells
from pipeline.netflow.moments import Moments
from pipeline.netflow.payload import Head
from pipeline.netflow.template import Field, Template

EXPORTED, UPTIME = 1_700_000_000, 60_000
NTP = EXPORTED + 2_208_988_800 << 32


def moments(version: int, *told: tuple[int, int], uptime: int = UPTIME) -> Moments:
    """Of one flow whose elements of 8 bytes have these values."""
    template = Template(version, tuple(Field(element, 8) for element, _ in told))
    head = Head(bytes(16), 1, EXPORTED, uptime, 0, 0).pack(0)
    record = b"".join(struct.pack(">Q", value) for _, value in told)
    records = cells.fixed(template, [template.key + head + record])
    found = Moments(records)
    for (element, _), cell in zip(told, records.cells, strict=True):
        found.read(element, cell)
    return found


@pytest.mark.parametrize(
    ("version", "told", "ms", "s"),
    [
        (5, (22, 58_500), EXPORTED * 1000 - 1500, EXPORTED - 1),
        (9, (22, 58_500), EXPORTED * 1000 - 1500, EXPORTED - 1),
        (9, (22, 61_000), EXPORTED * 1000 + 1000, EXPORTED + 1),  # its clock runs behind
        (10, (22, 58_500), EXPORTED * 1000 - 1500, EXPORTED - 1),
        (10, (150, EXPORTED), EXPORTED * 1000, EXPORTED),
        (10, (152, EXPORTED * 1000 + 7), EXPORTED * 1000 + 7, EXPORTED),
        (10, (154, NTP | 1 << 31), EXPORTED * 1000 + 500, EXPORTED),
        (10, (156, NTP | 1 << 30), EXPORTED * 1000 + 250, EXPORTED),
        (10, (154, EXPORTED * 10**6 + 7000), EXPORTED * 1000 + 7, EXPORTED),
        (10, (156, EXPORTED * 10**9 + 7_000_000), EXPORTED * 1000 + 7, EXPORTED),
        (10, (158, 1_500_000), EXPORTED * 1000 - 1500, EXPORTED - 2),
        (10, (152, 2**64 - 1), 2**62, 2**62 // 1000),
    ],
)
def test_units(version: int, told: tuple[int, int], ms: int, s: int) -> None:
    """The element is that of the start; that of the end is one higher, but 21 for 22."""
    start = moments(version, told).start()
    end = moments(version, (21 if told[0] == 22 else told[0] + 1, told[1])).end()
    assert [int(column[0]) for column in (*start, *end)] == [ms, s, ms, s]


def test_uptime_wraps() -> None:
    """The exporter's clock has 32 bits: 49.7 days."""
    found = moments(9, (22, 2**32 - 1000), uptime=500).start()
    assert [int(column[0]) for column in found] == [EXPORTED * 1000 - 1500, EXPORTED - 1]


def test_uptime_of_ipfix_is_known_from_when_the_exporter_began() -> None:
    known = moments(10, (22, 500), (160, EXPORTED * 1000 - 2000), uptime=0)
    unknown = moments(10, (22, 500), uptime=0)
    assert int(known.start()[0][0]) == EXPORTED * 1000 - 1500
    assert int(unknown.start()[0][0]) == EXPORTED * 1000


def test_what_is_not_told_is_when_it_ended_or_was_exported() -> None:
    ended = moments(10, (153, EXPORTED * 1000 - 9))
    assert [int(column[0]) for column in ended.start()] == [EXPORTED * 1000 - 9, EXPORTED - 1]
    nothing = moments(10, (1, 1))
    assert [int(column[0]) for column in nothing.end()] == [EXPORTED * 1000, EXPORTED]
