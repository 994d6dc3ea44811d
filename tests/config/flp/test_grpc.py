"""ingest.grpc and write.grpc become native stages, or are refused in their places."""

from __future__ import annotations

import pytest

from pipeline import config
from pipeline.diagnostics import ConfigError
from tests.config.flp.given import refused, stages, translated


def test_grpc() -> None:
    for given, native in (
        ("port: 2055", {"listen": "0.0.0.0:2055"}),
        (
            "port: 9, bufferLength: 7, certPath: c, keyPath: k, clientCAPath: a",
            {
                "listen": "0.0.0.0:9",
                "buffer_length": 7,
                "tls_cert": "c",
                "tls_key": "k",
                "client_ca": "a",
            },
        ),
    ):
        translation = translated(f"""
pipeline: [{{name: w, follows: in}}]
parameters:
- {{name: in, ingest: {{type: grpc, grpc: {{{given}}}}}}}
- {{name: w, write: {{type: none}}}}
""")
        assert translation.problems == []
        assert translation.stages[0] == {"name": "in", "type": "ingest_grpc", **native}


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


@pytest.mark.parametrize(
    ("host", "target"), [("collector", "collector:9999"), ('"::1"', "[::1]:9999")]
)
def test_grpc_out(host: str, target: str) -> None:
    [native] = stages(f"write: {{type: grpc, grpc: {{targetHost: {host}, targetPort: 9999}}}}")
    assert (native["type"], native["target"]) == ("write_grpc", target)


def test_grpc_out_without_a_target() -> None:
    assert refused("write: {type: grpc}") == [
        ("targetHost is empty", ""),
        ("0 is not a port", ""),
    ]
