"""The part of the lists of ranges that has to do with some addresses.

All ranges of all providers take 200 MB to read. A process of its own does that, for one that goes
on: `python -m discovery.near` reads a Question from standard input and writes RANGES (Arrow IPC).
"""

from __future__ import annotations

import io
import subprocess
import sys

import msgspec
import polars as pl

from discovery import installed, networks, ranges
from discovery.ranges import GROUP, RANGES
from pipeline.diagnostics import ConfigError

_SECONDS = 120
_PARTS = ("version", "length", "high", "low")


class Question(msgspec.Struct, frozen=True):
    """Addresses that have no name, and the CIDRs of labels."""

    addresses: frozenset[str]
    cidrs: frozenset[str]


class NoRangesError(Exception):
    """The lists that are installed cannot be read; the message says why."""


def near(known: pl.DataFrame, question: Question) -> pl.DataFrame:
    """Those of RANGES whose service has a range around an address, or publishes a CIDR.

    `discovery.findings.find` finds in them what it finds in all. The first range is always among
    them: it says which list was looked in.
    """
    inner = networks.numbered(pl.Series(sorted(question.addresses), dtype=pl.String()))
    around = networks.containing(inner.select(_PARTS), known).select(GROUP)
    published = known.filter(pl.col("cidr").is_in(sorted(question.cidrs))).select(GROUP)
    groups = pl.concat([around, published]).unique()
    first = pl.int_range(pl.len()) == 0
    chosen = pl.struct(GROUP).is_in(groups.select(pl.struct(GROUP)).to_series().implode())
    return known.filter(first | chosen)


def installed_near(question: Question) -> pl.DataFrame:
    """Those of the list that is installed; none without one. Raises NoRangesError."""
    if not installed.is_there():
        return RANGES.to_frame()
    command = [sys.executable, "-m", "discovery.near"]
    asked = msgspec.json.encode(question)
    try:
        done = subprocess.run(  # noqa: S603 - a module of ours
            command, input=asked, capture_output=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoRangesError(f"the list of ranges cannot be read: {error}") from error
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise NoRangesError(f"the list of ranges cannot be read: {' '.join(why)}")
    return pl.read_ipc(io.BytesIO(done.stdout))


def _main() -> int:
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    try:
        found = installed.listing()
        known = ranges.frame(dict([found]) if found else {})
    except ConfigError as error:
        sys.stderr.write("; ".join(map(str, error.problems)) + "\n")
        return 1
    near(known, question).write_ipc(sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
