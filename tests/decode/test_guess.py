"""What payloads look like: the formats that a topic has when its decoder is the wrong one."""

from __future__ import annotations

import bz2
import gzip
import json
import struct
import zlib
from pathlib import Path

import cramjam
import lz4.frame
import msgspec
import polars as pl
import pytest
from backports import zstd

from pipeline.decode.guess import looks_like
from pipeline.flows.protobuf import protobuf
from simulate import simulate
from tests.support.recordings import messages

FLOW = b'{"SrcAddr":"10.0.0.1","Bytes":5}'
COMPRESSED = "something compressed with"
IPFIX = struct.pack(">HHIII", 10, 24, 1, 1, 0) + bytes(8)
NETFLOW_5 = struct.pack(">HH", 5, 1) + b"\x01" * (20 + 48)


@pytest.mark.parametrize(
    ("payload", "guess"),
    [
        (FLOW, "JSON"),
        (b"\xef\xbb\xbf" + FLOW, "JSON"),
        (FLOW[:-4], "JSON with an error, or cut"),
        (b"[" + FLOW + b"]", "JSON arrays, where one object a message is wanted"),
        (json.dumps(FLOW.decode()).encode(), "JSON texts, with JSON inside"),
        (gzip.compress(FLOW, mtime=0), f"{COMPRESSED} gzip"),
        (zstd.compress(FLOW), f"{COMPRESSED} zstd"),
        (lz4.frame.compress(FLOW), f"{COMPRESSED} lz4"),
        (bytes(cramjam.snappy.compress(FLOW)), f"{COMPRESSED} snappy"),
        (bz2.compress(FLOW), f"{COMPRESSED} bz2"),
        (zlib.compress(FLOW), f"{COMPRESSED} zlib by its producer, not by Kafka"),
        (
            b"\x82SNAPPY\x00" + bytes(20),
            f"{COMPRESSED} snappy (xerial) by its producer, not by Kafka",
        ),
        (b"PAR1" + bytes(9), "a Parquet file"),
        (b"Obj\x01" + bytes(9), "an Avro file"),
        (
            b"\x00\x00\x00\x00\x07\x02\x06abc",
            "Avro or protobuf behind the header of a schema registry (schema id 7)",
        ),
        (
            b"\x00\x00\x00\x01\x00" + FLOW,
            "JSON behind the header of a schema registry (schema id 256)",
        ),
        (b"10.0.0.1,10.0.0.2,443,6\n", "CSV"),
        (b"a;b;c", "CSV (with semicolons)"),
        (b"a\tb\tc", "CSV (with tabs)"),
        (b"<flow><bytes>5</bytes></flow>", "XML"),
        (b"src=10.0.0.1 dst=10.0.0.2", "text of name=value"),
        (b"eyJCeXRlcyI6NX0gIGFuZCBtb3Jl", "base64"),
        (b"hello, world", "plain text"),
        (FLOW.decode().encode("utf-16"), "text in UTF-16"),
        (IPFIX, "IPFIX"),
        (NETFLOW_5, "NetFlow 5"),
        (msgspec.msgpack.encode({"Bytes": 5}), "MessagePack"),
        (b"\x16\x03\x01\xff\xff", "no format that is known here (they begin with 16 03 01 ff ff)"),
        (bytes(9), "nothing but zeros"),
        (b"", "nothing"),
    ],
)
def test_a_format_is_recognised(payload: bytes, guess: str) -> None:
    assert looks_like([payload]) == guess


def test_protobuf_is_told_by_the_message(tmp_path: Path) -> None:
    """The two that have a decoder, and any other."""
    recorded = list(messages(simulate("reference", tmp_path / "r.pb").recording))
    assert looks_like(recorded) == "protobuf (NetObserv's flows: decoder protobuf)"
    flows = pl.DataFrame({"SrcAddr": ["10.0.0.1"], "Bytes": [5], "TimeReceived": [1]})
    assert looks_like(protobuf(flows)) == "protobuf (flowmatrix's flows: decoder flowmatrix)"
    other = b"\x0a\x03abc\x12\x01x\xa2\x06\x02hi\xa8\x06\x05"
    assert looks_like([other]) == "protobuf"
    assert looks_like([bytes([len(other)]) + other]).startswith("protobuf")


def test_most_of_them_decide() -> None:
    assert looks_like([b"hello, world", FLOW, FLOW]) == "JSON"
    assert looks_like([]) == "nothing"
