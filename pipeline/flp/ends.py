"""Where flows come from and where they are written (flp-semantics a.5, h.1)."""

from __future__ import annotations

from typing import Any

from pipeline.flp.dialect import ClientTls, Decoder, Encode, File, Ingest, Sasl, Write
from pipeline.flp.parts import Native, Parts, filled, unknown
from pipeline.problem import Path, Problem, warning

DECODERS = ["json", "protobuf"]
OFFSETS = {"": "first", "FirstOffset": "first", "LastOffset": "last"}
MECHANISMS = ["plain", "scramSHA512"]
BALANCERS = ["roundRobin", "leastBytes", "hash", "crc32", "murmur2"]
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def file(ingest: Ingest, at: Path) -> Parts:
    """ingest.file: every line, then the end."""
    yield from _file("ingest_file", ingest.file, (*at, "file"))


def file_chunks(ingest: Ingest, at: Path) -> Parts:
    """ingest.file_chunks: the same lines; how many go together changes nothing here."""
    yield from _file("ingest_file", ingest.file, (*at, "file"))


def kafka(ingest: Ingest, at: Path) -> Parts:
    """ingest.kafka: the topic, the group, TLS and SASL; queue sizes are the engine's own."""
    block, at = ingest.kafka, (*at, "kafka")
    yield from _decoder(block.decoder, at)
    if block.start_offset not in OFFSETS:
        yield unknown("offset", block.start_offset, list(OFFSETS)[1:], (*at, "startOffset"))
    yield from _mechanism(block.sasl, at)
    fields = {
        "brokers": block.brokers,
        "topics": [block.topic] if block.topic else [],
        "decoder": block.decoder.type,
        "start_offset": OFFSETS.get(block.start_offset, "first"),
        **filled(group_id=block.group_id, tls=_tls(block.tls), sasl=_sasl(block.sasl)),
    }
    names = {"topics": "topic", "group_id": "groupid", "start_offset": "startOffset"}
    origins: dict[Path, Path] = {(native,): (*at, key) for native, key in names.items()}
    yield Native("ingest_kafka", fields, origins | {(): at})


def encode_kafka(encode: Encode, at: Path) -> Parts:
    """encode.kafka: JSON without a key, so every balancer spreads; waits are the engine's own."""
    block, at = encode.kafka, (*at, "kafka")
    if block.balancer not in ("", *BALANCERS):
        yield unknown("balancer", block.balancer, BALANCERS, (*at, "balancer"))
    if block.compression not in ("", *CODECS):
        yield unknown("compression", block.compression, CODECS, (*at, "compression"))
    yield from _mechanism(block.sasl, at)
    fields = {
        "brokers": [block.address] if block.address else [],
        "topic": block.topic,
        "key": "none",
        **filled(compression=block.compression, tls=_tls(block.tls), sasl=_sasl(block.sasl)),
    }
    origins: dict[Path, Path] = {(): at, ("brokers",): (*at, "address")}
    origins |= {(name,): (*at, name) for name in ("topic", "compression")}
    yield Native("encode_kafka", fields, origins)


def stdout(write: Write, at: Path) -> Parts:
    """write.stdout: what is neither json nor fields is the printing of a map."""
    form = write.stdout.format
    if form not in ("", "json", "fields", "printf"):
        yield warning((*at, "stdout", "format"), f'"{form}" prints as "printf" does')
    native = form if form in ("json", "fields") else "printf"
    origins: dict[Path, Path] = {(): at, ("format",): (*at, "stdout", "format")}
    yield Native("write_stdout", {"format": native}, origins)


def _file(kind: str, block: File, at: Path) -> Parts:
    yield from _decoder(block.decoder, at)
    if not block.filename:
        yield Problem((*at, "filename"), "a file to read is needed")
    fields = {"path": block.filename, "decoder": block.decoder.type}
    origins: dict[Path, Path] = {(): at, ("path",): (*at, "filename")}
    yield Native(kind, fields, origins)


def _decoder(decoder: Decoder, at: Path) -> Parts:
    if decoder.type not in DECODERS:
        yield unknown("decoder", decoder.type, DECODERS, (*at, "decoder", "type"))


def _mechanism(sasl: Sasl | None, at: Path) -> Parts:
    if sasl and sasl.type not in MECHANISMS:
        yield unknown("SASL type", sasl.type, MECHANISMS, (*at, "sasl", "type"))


def _tls(tls: ClientTls | None) -> dict[str, Any]:
    if tls is None:
        return {}
    return {
        "insecure_skip_verify": tls.insecure_skip_verify,
        **filled(ca=tls.ca_cert_path, cert=tls.user_cert_path, key=tls.user_key_path),
    }


def _sasl(sasl: Sasl | None) -> dict[str, Any]:
    if sasl is None:
        return {}
    return {
        "mechanism": sasl.type,
        "username_file": sasl.client_id_path,
        "password_file": sasl.client_secret_path,
    }
