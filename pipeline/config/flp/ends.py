"""Stages that read flows (ingest), encode them for Kafka or write them.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
"""

from __future__ import annotations

from typing import Any

from pipeline.config.flp.dialect_common import ClientTls, Sasl
from pipeline.config.flp.dialect_encode import Encode
from pipeline.config.flp.dialect_ingest import Ingest
from pipeline.config.flp.dialect_write import Write
from pipeline.config.flp.parts import Native, Parts, filled, is_unset, renamed, unknown
from pipeline.diagnostics import ConfigPath, warning

_OFFSETS = {"": "first", "FirstOffset": "first", "LastOffset": "last"}
_BALANCERS = ["roundRobin", "leastBytes", "hash", "crc32", "murmur2"]
_SECURITY = {
    ("tls", "ca"): ("tls", "caCertPath"),
    ("tls", "cert"): ("tls", "userCertPath"),
    ("tls", "key"): ("tls", "userKeyPath"),
    ("sasl", "mechanism"): ("sasl", "type"),
    ("sasl", "username_file"): ("sasl", "clientIDPath"),
    ("sasl", "password_file"): ("sasl", "clientSecretPath"),
}


def file(ingest: Ingest, at: ConfigPath) -> Parts:
    """ingest.file and file_chunks: read every line, then end; `chunks` has no effect."""
    block, at = ingest.file, (*at, "file")
    fields = {"path": block.filename, "decoder": block.decoder.type}
    yield Native("ingest_file", fields, renamed(at, path="filename") | _decoder(at))


def file_loop(ingest: Ingest, at: ConfigPath) -> Parts:
    """ingest.file_loop: every line, every 10 seconds."""
    for part in file(ingest, at):
        yield part._replace(type="ingest_file_loop") if isinstance(part, Native) else part


def synthetic(ingest: Ingest, at: ConfigPath) -> Parts:
    """ingest.synthetic: a zero means the default."""
    block, at = ingest.synthetic, (*at, "synthetic")
    fields = filled(
        connections=block.connections,
        batch_length=block.batch_max_len,
        flows_per_minute=block.flow_logs_per_min,
    )
    origins = renamed(at, batch_length="batchMaxLen", flows_per_minute="flowLogsPerMin")
    yield Native("ingest_synthetic", fields, origins)


def kafka(ingest: Ingest, at: ConfigPath) -> Parts:
    """ingest.kafka: the topic, the group, TLS and SASL; queue sizes have no effect."""
    block, at = ingest.kafka, (*at, "kafka")
    if block.start_offset not in _OFFSETS:
        yield unknown("offset", block.start_offset, list(_OFFSETS)[1:], (*at, "startOffset"))
    if not block.group_id:
        yield warning((*at, "groupid"), "no groupid: the group is derived from the file")
    fields = {
        "brokers": block.brokers,
        "topics": [block.topic] if block.topic else [],
        "decoder": block.decoder.type,
        "start_offset": _OFFSETS.get(block.start_offset, "first"),
        **filled(group_id=block.group_id, tls=_tls(block.tls), sasl=_sasl(block.sasl)),
    }
    origins = renamed(at, topics="topic", group_id="groupid") | _decoder(at) | _security(at)
    yield Native("ingest_kafka", fields, origins)


def encode_kafka(encode: Encode, at: ConfigPath) -> Parts:
    """encode.kafka: JSON without a key, so every balancer spreads; timeouts have no effect."""
    block, at = encode.kafka, (*at, "kafka")
    if block.balancer not in ("", *_BALANCERS):
        yield unknown("balancer", block.balancer, _BALANCERS, (*at, "balancer"))
    fields = {
        "brokers": [block.address] if block.address else [],
        "topic": block.topic,
        "key": "none",
        **filled(compression=block.compression, tls=_tls(block.tls), sasl=_sasl(block.sasl)),
    }
    yield Native("encode_kafka", fields, renamed(at, brokers="address") | _security(at))


def stdout(write: Write, at: ConfigPath) -> Parts:
    """write.stdout: a format that is neither json nor fields becomes `printf`."""
    form, at = write.stdout.format, (*at, "stdout")
    if form not in ("", "json", "fields", "printf"):
        yield warning((*at, "format"), f'"{form}" prints as "printf" does')
    native = form if form in ("json", "fields") else "printf"
    yield Native("write_stdout", {"format": native}, renamed(at))


def _tls(tls: ClientTls | None) -> dict[str, Any]:
    if tls is None:
        return {}
    return {
        "insecure_skip_verify": tls.insecure_skip_verify,
        **filled(ca=tls.ca_cert_path, cert=tls.user_cert_path, key=tls.user_key_path),
    }


def _sasl(sasl: Sasl | None) -> dict[str, Any]:
    if is_unset(sasl) or sasl is None:
        return {}
    return {
        "mechanism": sasl.type,
        "username_file": sasl.client_id_path,
        "password_file": sasl.client_secret_path,
    }


def _decoder(at: ConfigPath) -> dict[ConfigPath, ConfigPath]:
    return {("decoder",): (*at, "decoder", "type")}


def _security(at: ConfigPath) -> dict[ConfigPath, ConfigPath]:
    return {native: (*at, *written) for native, written in _SECURITY.items()}
