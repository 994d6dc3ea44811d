"""ingest.grpc and write.grpc of flowlogs-pipeline.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.config.flp.dialect_ingest import Ingest
from pipeline.config.flp.dialect_write import Write
from pipeline.config.flp.parts import Native, Parts, filled, renamed
from pipeline.diagnostics import ConfigPath, Problem


def ingest(block_of: Ingest, at: ConfigPath) -> Parts:
    """ingest.grpc: it listens on every network, as the original does."""
    block, at = block_of.grpc, (*at, "grpc")
    yield from _port(block.port, (*at, "port"), "agents use 2055")
    fields = {
        "listen": f"0.0.0.0:{block.port}",
        **filled(
            buffer_length=block.buffer_length,
            tls_cert=block.cert_path,
            tls_key=block.key_path,
            client_ca=block.client_ca_path,
        ),
    }
    names = {"buffer_length": "bufferLength", "tls_cert": "certPath", "tls_key": "keyPath"}
    origins = renamed(at, listen="port", client_ca="clientCAPath", **names)
    yield Native("ingest_grpc", fields, origins)


def write(write: Write, at: ConfigPath) -> Parts:
    """write.grpc: plain text, as the original does."""
    block, at = write.grpc, (*at, "grpc")
    if not block.target_host:
        yield Problem((*at, "targetHost"), "targetHost is empty")
    yield from _port(block.target_port, (*at, "targetPort"))
    host = f"[{block.target_host}]" if ":" in block.target_host else block.target_host
    fields = {"target": f"{host}:{block.target_port}"}
    yield Native("write_grpc", fields, renamed(at, target="targetHost"))


def _port(port: int, at: ConfigPath, hint: str = "") -> Iterator[Problem]:
    if not 0 < port < 65536:
        yield Problem(at, f"{port} is not a port", hint)
