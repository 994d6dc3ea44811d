from __future__ import annotations

from typing import Any

import pytest

from tests.flp.given import refused, stages, translated


def source(ingest: str) -> dict[str, Any]:
    translation = translated(
        f"pipeline: [{{name: w, follows: in}}]\n"
        f"parameters: [{{name: w, write: {{type: none}}}}, {{name: in, ingest: {{{ingest}}}}}]\n"
    )
    assert translation.problems == []
    return translation.stages[1]


@pytest.mark.parametrize("kind", ["file", "file_chunks"])
def test_files(kind: str) -> None:
    assert source(f"type: {kind}, file: {{filename: f, decoder: {{type: protobuf}}}}") == {
        "name": "in",
        "type": "ingest_file",
        "path": "f",
        "decoder": "protobuf",
    }


def test_kafka() -> None:
    assert source("""type: kafka, kafka: {
        brokers: [a:9092, b:9092], topic: t, groupid: g, groupBalancers: [range],
        startOffset: LastOffset, decoder: {type: protobuf}, pullQueueCapacity: 1,
        pullMaxBytes: 2, batchMaxLen: 3, commitInterval: 4, batchReadTimeout: 5,
        tls: {insecureSkipVerify: true, caCertPath: ca, userCertPath: u, userKeyPath: k},
        sasl: {type: scramSHA512, clientIDPath: i, clientSecretPath: s}}""") == {
        "name": "in",
        "type": "ingest_kafka",
        "brokers": ["a:9092", "b:9092"],
        "topics": ["t"],
        "decoder": "protobuf",
        "start_offset": "last",
        "group_id": "g",
        "tls": {"insecure_skip_verify": True, "ca": "ca", "cert": "u", "key": "k"},
        "sasl": {"mechanism": "scramSHA512", "username_file": "i", "password_file": "s"},
    }


def test_kafka_with_nothing_special() -> None:
    assert source("type: kafka, kafka: {brokers: [a], topic: t, decoder: {type: json}}") == {
        "name": "in",
        "type": "ingest_kafka",
        "brokers": ["a"],
        "topics": ["t"],
        "decoder": "json",
        "start_offset": "first",
    }


def test_refused_ends() -> None:
    assert refused("ingest: {type: file, file: {decoder: {type: avro}}}")[0] == (
        'unknown decoder "avro"',
        "one of json, protobuf",
    )
    kafka = "{startOffset: First, decoder: {type: json}, sasl: {type: plan}}"
    assert refused(f"ingest: {{type: kafka, kafka: {kafka}}}") == [
        ('unknown offset "First"', 'did you mean "FirstOffset"?'),
        ('unknown SASL type "plan"', 'did you mean "plain"?'),
    ]


def test_kafka_out() -> None:
    given = """encode: {type: kafka, kafka: {
        address: a:9092, topic: t, balancer: leastBytes, writeTimeout: 1, readTimeout: 2,
        batchBytes: 3, batchSize: 4, compression: gzip, tls: {caCertPath: ca}}}"""
    assert stages(given) == [
        {
            "name": "s",
            "type": "encode_kafka",
            "follows": "in",
            "brokers": ["a:9092"],
            "topic": "t",
            "key": "none",
            "compression": "gzip",
            "tls": {"insecure_skip_verify": False, "ca": "ca"},
        }
    ]


def test_refused_kafka_out() -> None:
    kafka = "{balancer: round, compression: gz, sasl: {type: plan}}"
    assert refused(f"encode: {{type: kafka, kafka: {kafka}}}") == [
        ('unknown balancer "round"', 'did you mean "roundRobin"?'),
        ('unknown compression "gz"', 'did you mean "gzip"?'),
        ('unknown SASL type "plan"', 'did you mean "plain"?'),
    ]


@pytest.mark.parametrize(
    ("given", "native"),
    [("json", "json"), ("fields", "fields"), ("printf", "printf"), ("''", "printf")],
)
def test_stdout(given: str, native: str) -> None:
    (stage,) = stages(f"write: {{type: stdout, stdout: {{format: {given}}}}}")
    assert stage == {"name": "s", "type": "write_stdout", "follows": "in", "format": native}


def test_any_other_format_prints_maps() -> None:
    assert refused("write: {type: stdout, stdout: {format: yaml}}") == [
        ('warning: "yaml" prints as "printf" does', "")
    ]
