"""Recordings on disk."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from simulate.recording import Format, json_lines, write

FRAME = pl.DataFrame(
    {
        "SrcAddr": ["10.0.0.2", "10.0.0.1", "fd00::2"],
        "DstAddr": ["10.0.0.1", "10.0.0.2", "fd00::1"],
        "Proto": [6, 6, 17],
        "DstPort": [443, 51000, 53],
        "Flags": [2, 0, None],
        "Interfaces": [["eth0"], ["eth0"], ["eth1"]],
        "IfDirections": [[1], [0], [1]],
    }
)


def test_protobuf_messages_stand_behind_their_size(
    tmp_path: Path, messages: Callable[[Path], list[Any]]
) -> None:
    path = tmp_path / "flows.pb"
    long = FRAME.head(1).with_columns(DnsId=1, DnsName=pl.lit("x" * 200))
    assert write(path, [FRAME, long], Format.PROTOBUF) == 4
    found = messages(path)
    assert [m.transport.dst_port for m in found] == [443, 51000, 53, 443]
    assert [m.flags for m in found] == [2, 0, 0, 2]
    assert found[3].dns_name == "x" * 200


def test_json_leaves_out_absent_fields_and_keeps_the_order() -> None:
    lines = [json.loads(line) for line in json_lines(FRAME)]
    assert lines == [
        {key: value for key, value in row.items() if value is not None} for row in FRAME.to_dicts()
    ]
    assert [line.get("Flags", "absent") for line in lines] == [2, 0, "absent"]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_suffixes_compress(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"flows.jsonl{suffix}"
    write(path, [FRAME], Format.JSON)
    raw = path.read_bytes()
    if suffix == ".gz":
        raw = gzip.decompress(raw)
    if suffix == ".zst":
        raw = pa.CompressedInputStream(pa.BufferReader(raw), "zstd").read()
    assert raw.decode().splitlines() == json_lines(FRAME).to_list()
