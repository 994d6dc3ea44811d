from __future__ import annotations

from typing import Any

import pytest

from pipeline import config
from pipeline.diagnostics import ConfigError
from tests.config.flp.given import refused, stages, translated


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


def test_a_file_in_a_loop() -> None:
    assert source("type: file_loop, file: {filename: f, decoder: {type: json}}") == {
        "name": "in",
        "type": "ingest_file_loop",
        "path": "f",
        "decoder": "json",
    }


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        ("", {}),
        ("synthetic: {connections: 0}", {}),
        (
            "synthetic: {connections: 7, batchMaxLen: 5, flowLogsPerMin: 60}",
            {"connections": 7, "batch_length": 5, "flows_per_minute": 60},
        ),
    ],
)
def test_synthetic(block: str, fields: dict[str, int]) -> None:
    """What is zero is the default."""
    assert source(f"type: synthetic, {block}") == {
        "name": "in",
        "type": "ingest_synthetic",
        **fields,
    }


def test_grpc() -> None:
    assert source("type: grpc, grpc: {port: 2055}") == {
        "name": "in",
        "type": "ingest_grpc",
        "listen": "0.0.0.0:2055",
    }
    assert source("""type: grpc, grpc: {
        port: 9999, bufferLength: 7, certPath: c, keyPath: k, clientCAPath: a}""") == {
        "name": "in",
        "type": "ingest_grpc",
        "listen": "0.0.0.0:9999",
        "buffer_length": 7,
        "tls_cert": "c",
        "tls_key": "k",
        "client_ca": "a",
    }


def test_grpc_without_a_port() -> None:
    """The original has no default."""
    for port in ("{}", "{port: 0}", "{port: 65536}"):
        [(message, hint)] = refused(f"ingest: {{type: grpc, grpc: {port}}}")
        assert message.endswith("is not a port")
        assert hint == "agents use 2055"


def test_grpc_with_half_of_a_pair() -> None:
    for given in ("certPath: c", "keyPath: c", "clientCAPath: c"):
        text = f"""
pipeline: [{{name: w, follows: in}}]
parameters:
- name: in
  ingest:
    type: grpc
    grpc: {{port: 2055, {given}}}
- {{name: w, write: {{type: none}}}}
"""
        with pytest.raises(ConfigError, match="tls_cert"):
            config.loads(text, "flp.yaml")


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
    assert source(
        "type: kafka, kafka: {brokers: [a], topic: t, groupid: g, decoder: {type: json}}"
    ) == {
        "name": "in",
        "type": "ingest_kafka",
        "brokers": ["a"],
        "topics": ["t"],
        "decoder": "json",
        "start_offset": "first",
        "group_id": "g",
    }


def test_kafka_without_group_or_with_an_unknown_offset() -> None:
    kafka = "{startOffset: First, decoder: {type: json}}"
    assert refused(f"ingest: {{type: kafka, kafka: {kafka}}}") == [
        ('unknown offset "First"', 'did you mean "FirstOffset"?'),
        ("warning: no groupid: the group is derived from the file", ""),
    ]


def test_what_the_native_stages_refuse_is_at_its_own_place() -> None:
    text = """\
pipeline: [{name: in}, {name: out, follows: in}]
parameters:
- name: in
  ingest:
    type: kafka
    kafka:
      brokers: [a]
      topic: t
      groupid: g
      decoder: {type: avro}
      sasl:
        type: plan
- name: out
  encode:
    type: kafka
    kafka:
      topic: t
      compression: gz
"""
    with pytest.raises(ConfigError) as error:
        config.loads(text, "f", environ={})
    assert [found.place[1:] for found in error.value.problems] == [
        (10, 23),
        (12, 15),
        (17, 7),
        (18, 20),
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


def test_an_unknown_balancer() -> None:
    assert refused("encode: {type: kafka, kafka: {balancer: round}}") == [
        ('unknown balancer "round"', 'did you mean "roundRobin"?')
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
