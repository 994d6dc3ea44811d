"""What encode_kafka publishes, and where to."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl
import pytest

from pipeline.decode import by_name
from pipeline.diagnostics import Problem
from pipeline.flows.conversation import conversations
from pipeline.flows.jsonl import json_lines
from pipeline.kafka.publication import Publication
from pipeline.stage import BuildContext
from stages.encode_kafka import EncodeKafka

FLOWS = pl.DataFrame({"SrcAddr": ["10.0.0.2", "10.0.0.1", None], "Bytes": [7, 8, 9]}).with_columns(
    DstAddr=pl.Series(["10.0.0.1", "10.0.0.2", "10.0.0.2"])
)
FIELDS = {"type": "encode_kafka", "name": "out", "follows": "x", "brokers": ["b:9092"]}


def spec(**fields: object) -> EncodeKafka:
    return msgspec.convert(FIELDS | {"topic": "t"} | fields, EncodeKafka)


def test_a_flow_is_an_object_keyed_by_its_conversation() -> None:
    ends = bytes(10) + b"\xff\xff\x0a\x00\x00\x01" + bytes(10) + b"\xff\xff\x0a\x00\x00\x02"
    assert spec().build(BuildContext())(FLOWS) == [
        (ends, b'{"Bytes":7,"DstAddr":"10.0.0.1","SrcAddr":"10.0.0.2"}'),
        (ends, b'{"Bytes":8,"DstAddr":"10.0.0.2","SrcAddr":"10.0.0.1"}'),
        (None, b'{"Bytes":9,"DstAddr":"10.0.0.2"}'),
    ]
    assert spec().build(BuildContext())(FLOWS.clear()) == []
    assert spec().reads() is None


def test_protobuf_is_what_a_decoder_reads() -> None:
    flows = FLOWS.with_columns(TimeReceived=pl.lit(5))
    written = spec(format="protobuf").build(BuildContext())(flows)
    assert [record.key for record in written] == conversations(flows).to_list()
    decoded = by_name("flowmatrix", BuildContext())([record.value for record in written])
    assert json_lines(decoded.flows) == json_lines(flows)


def test_without_a_key() -> None:
    assert {record.key for record in spec(key="none").build(BuildContext())(FLOWS)} == {None}


def test_where_it_goes() -> None:
    to = spec(compression="zstd", tls={"ca": "ca.crt"}).publication(Path("f"))
    assert isinstance(to, Publication)
    assert (to.topic, to.compression) == ("t", "zstd")
    assert to.connection.brokers == ("b:9092",)
    assert to.connection.folder == "f"


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"brokers": ["b:9092", "b:port"]}, ("brokers", 1), '"b:port" is not host:port'),
        ({"tls": {"cert": "c"}}, ("tls", "cert"), "cert and key go together"),
        ({"sasl": {"username": "u"}}, ("sasl",), 'missing field "password_file"'),
    ],
)
def test_problems(fields: dict[str, object], path: tuple[str | int, ...], message: str) -> None:
    (problem,) = spec(**fields).check(Path())
    assert isinstance(problem, Problem)
    assert (problem.path, problem.message) == (path, message)
