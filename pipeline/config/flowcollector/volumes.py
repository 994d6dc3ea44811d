"""Where the operator mounts certificates and secrets, and what is mounted there.

Source: docs/reference/operator.md#settings.
"""

from __future__ import annotations

from typing import Any

from pipeline.config.flowcollector.spec import ClientTls, Reference, Sasl

_MECHANISMS = {"Plain": "plain", "ScramSHA512": "scramSHA512"}
TOKEN = "/var/run/secrets/tokens/flowlogs-pipeline"  # noqa: S105 - the name of a file
"""Where the operator mounts the token of the service account."""


class Volumes:
    """The mounts that a pipeline needs: `mounted` says what each folder holds."""

    def __init__(self) -> None:
        self.mounted: dict[str, str] = {}

    def file(self, reference: Reference, volume: str, name: str) -> str:
        """The path of a file of a Secret or ConfigMap."""
        folder = f"/var/{volume}"
        self.mounted[folder] = f"{reference.type or 'secret'} {reference.name}"
        return f"{folder}/{name}"

    def certificate(self, reference: Reference, volume: str) -> tuple[str, str]:
        """The paths of a certificate and its key; empty without a reference."""
        if not reference.name:
            return "", ""
        cert = self.file(reference, volume, reference.cert_file)
        return cert, self.file(reference, volume, reference.cert_key)

    def client_tls(self, tls: ClientTls, volume: str) -> dict[str, Any] | None:
        """The `tls` block of a client in the dialect; None where TLS is off."""
        if not tls.enable:
            return None
        ca, _ = self.certificate(tls.ca_cert, f"{volume}-ca")
        cert, key = self.certificate(tls.user_cert, f"{volume}-user")
        paths = {"caCertPath": ca, "userCertPath": cert, "userKeyPath": key}
        given = {name: path for name, path in paths.items() if path}
        return {"insecureSkipVerify": tls.insecure_skip_verify, **given}

    def sasl(self, sasl: Sasl, volume: str) -> dict[str, str] | None:
        """The `sasl` block of a client in the dialect; None where SASL is off."""
        mechanism = _MECHANISMS.get(sasl.type)
        if mechanism is None:
            return None
        identity = self.file(sasl.client_id, f"{volume}-sasl-id", sasl.client_id.file)
        secret = self.file(sasl.client_secret, f"{volume}-sasl-secret", sasl.client_secret.file)
        return {"type": mechanism, "clientIDPath": identity, "clientSecretPath": secret}
