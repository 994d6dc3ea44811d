"""Recordings read by code that shares nothing with what wrote them, and those of other tools."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

_CLI_COLUMNS = """
    "DnsErrno" INTEGER, "Dscp" INTEGER, "DstAddr" TEXT, "DstPort" INTEGER, "Interface" TEXT,
    "Proto" INTEGER, "SrcAddr" TEXT, "SrcPort" INTEGER, "Bytes" INTEGER, "Packets" INTEGER,
    "PktDropLatestDropCause" TEXT, "PktDropBytes" INTEGER, "PktDropPackets" INTEGER,
    "DnsId" INTEGER, "DnsName" TEXT, "DnsFlagsResponseCode" TEXT, "DnsLatencyMs" TIMESTAMP,
    "TimeFlowRTTNs" TIMESTAMP
"""


def cli_database(file: Path, flows: Sequence[Mapping[str, object]]) -> None:
    """A database with the table and the columns of the netobserv CLI, a row for each flow."""
    with closing(sqlite3.connect(file)) as database:
        database.execute(f"CREATE TABLE flow ({_CLI_COLUMNS})")
        for flow in flows:
            marks = ", ".join("?" * len(flow))
            statement = f"INSERT INTO flow ({', '.join(flow)}) VALUES ({marks})"  # noqa: S608 # ours
            database.execute(statement, list(flow.values()))
        database.commit()


def messages(recording: Path) -> Iterator[bytes]:
    """The messages of a recording (.gz is unpacked), each behind its size as a varint."""
    data, at = recording.read_bytes(), 0
    data = gzip.decompress(data) if recording.suffix == ".gz" else data
    while at < len(data):
        size = shift = 0
        while True:
            byte, at = data[at], at + 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield data[at : at + size]
        at += size
