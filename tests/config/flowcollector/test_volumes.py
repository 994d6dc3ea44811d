from __future__ import annotations

from pipeline.config.flowcollector.spec import ClientTls, Reference, Sasl
from pipeline.config.flowcollector.volumes import Volumes


def test_a_certificate_without_a_name_is_not_mounted() -> None:
    volumes = Volumes()
    assert volumes.certificate(Reference(cert_file="x"), "v") == ("", "")
    assert volumes.client_tls(ClientTls(enable=True, insecure_skip_verify=True), "v") == {
        "insecureSkipVerify": True
    }
    assert volumes.mounted == {}


def test_what_is_off_has_no_block() -> None:
    assert Volumes().client_tls(ClientTls(), "v") is None
    assert Volumes().sasl(Sasl(), "v") is None


def test_plain_sasl() -> None:
    volumes = Volumes()
    given = Sasl("Plain", Reference("configmap", "a", file="id"), Reference("", "b", file="word"))
    assert volumes.sasl(given, "k") == {
        "type": "plain",
        "clientIDPath": "/var/k-sasl-id/id",
        "clientSecretPath": "/var/k-sasl-secret/word",
    }
    assert volumes.mounted == {"/var/k-sasl-id": "configmap a", "/var/k-sasl-secret": "secret b"}
