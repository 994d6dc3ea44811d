"""Listeners of the real Kafka that want a password or speak TLS."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.real.parts import LOCALHOST, tool


@dataclass(frozen=True)
class Security:
    """The protocol of the broker's second listener, CLIENT, and the settings it takes.

    `settings` are lines of server.properties; those of the listener alone begin with
    `listener.name.client.`.
    """

    protocol: str
    settings: Mapping[str, str] = field(default_factory=dict)


def sasl_plain(**passwords: str) -> Security:
    """Users with passwords, no encryption."""
    users = " ".join(f'user_{name}="{password}"' for name, password in passwords.items())
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return Security(
        "SASL_PLAINTEXT",
        {
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": f"{module} required {users};",
        },
    )


def tls(pem: Path, *, ask: bool = False) -> Security:
    """Encryption with a PEM file of key and certificate (see `self_signed`).

    With `ask`, a client must show a certificate too: the same one.
    """
    prefix = "listener.name.client.ssl."
    return Security(
        "SSL",
        {
            prefix + "keystore.type": "PEM",
            prefix + "keystore.location": str(pem),
            prefix + "truststore.type": "PEM",
            prefix + "truststore.location": str(pem.with_suffix(".crt")),
            prefix + "client.auth": "required" if ask else "none",
        },
    )


def self_signed(folder: Path) -> Path:
    """A PEM file of an unencrypted key and its certificate for 127.0.0.1; the latter in .crt."""
    openssl = tool("openssl", "it makes the certificates of the tests")
    key, crt, pem = (folder / f"broker.{end}" for end in ("key", "crt", "pem"))
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    names = ["-addext", f"subjectAltName=IP:{LOCALHOST},DNS:localhost", "-days", "2"]
    command = [openssl, *request, *names, "-keyout", str(key), "-out", str(crt)]
    subprocess.run(command, check=True, capture_output=True)
    pem.write_text(key.read_text() + crt.read_text())
    return pem
