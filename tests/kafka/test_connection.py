"""What a client is given, and that secrets stay in their files."""

from __future__ import annotations

import ssl
from pathlib import Path

import msgspec
import pytest

from pipeline.diagnostics import Severity
from pipeline.kafka.connection import BrokerError, Connection, Sasl, Tls, address, check
from tests.real.listeners import self_signed
from tests.support.certificates import Authority

SECRET = "s3cret-word"  # noqa: S105 - the tests'


def connection(folder: Path, **security: Tls | Sasl) -> Connection:
    return msgspec.structs.replace(Connection(brokers=("a:9092",), folder=str(folder)), **security)


def login(folder: Path, **given: str) -> Connection:
    (folder / "user").mkdir(exist_ok=True)
    (folder / "user" / "password").write_text(f"{SECRET}\n")
    return connection(folder, sasl=msgspec.convert({"username": "ann", **given}, Sasl))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain", "PLAIN"),
        ("scram-sha-256", "SCRAM-SHA-256"),
        ("scram-sha-512", "SCRAM-SHA-512"),
        ("scramSHA512", "SCRAM-SHA-512"),
    ],
)
def test_a_login_from_files(tmp_path: Path, written: str, meant: str) -> None:
    """Secrets are read from files when a client is made."""
    (tmp_path / "name").write_text(" bob\n")
    for where in ("user", "user/password"):
        found = login(tmp_path, mechanism=written, password_file=where).arguments()
        assert found == {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": meant,
            "sasl_plain_username": "ann",
            "sasl_plain_password": SECRET,
        }
    named = login(tmp_path, username="", username_file="name", password_file="user")  # noqa: S106 - a file
    assert named.arguments()["sasl_plain_username"] == "bob"


def test_certificates_in_files_and_in_strimzi_s_folders(tmp_path: Path) -> None:
    """A folder stands for the files of a secret."""
    pem = self_signed(tmp_path)
    folder = tmp_path / "secret"
    folder.mkdir()
    for name, source in {"ca.crt": "crt", "user.crt": "crt", "user.key": "key"}.items():
        (folder / name).write_text(pem.with_suffix(f".{source}").read_text())
    files = Tls(ca="broker.crt", cert="broker.crt", key="broker.key")
    for tls in (files, Tls(ca="secret", cert="secret", key="secret")):
        found = connection(tmp_path, tls=tls).arguments()
        context = found.pop("ssl_context")
        assert found == {"security_protocol": "SSL"}
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert len(context.get_ca_certs()) == 1
    trusting = connection(tmp_path, tls=Tls(insecure_skip_verify=True)).arguments()["ssl_context"]
    assert trusting.verify_mode is ssl.CERT_NONE
    assert connection(tmp_path, tls=Tls(enable=False)).arguments() == {
        "security_protocol": "PLAINTEXT"
    }


def test_errors_name_files_and_show_no_secret(tmp_path: Path) -> None:
    """What cannot be used is named, never shown."""
    (tmp_path / "key.pem").write_text(SECRET)
    (tmp_path / "binary").write_bytes(b"\xff" + SECRET.encode())
    bad = {
        "cannot use .*/nowhere: No such file": connection(tmp_path, tls=Tls(ca="nowhere")),
        "cannot use key.pem: no PEM file with": connection(tmp_path, tls=Tls(ca="key.pem")),
        "binary: it is no text": login(tmp_path, password_file="binary"),  # noqa: S106 - a file
        "nowhere: No such file": login(tmp_path, password_file="nowhere"),  # noqa: S106 - a file
    }
    for said, broken in bad.items():
        with pytest.raises(BrokerError, match=said) as refused:
            broken.arguments()
        assert SECRET not in repr(refused.value)
        assert SECRET not in repr(broken) + msgspec.json.encode(broken).decode()


def test_of_a_certificate_and_its_key_the_two_are_named(tmp_path: Path) -> None:
    """Not the authority, which is in order; and no reason where OpenSSL gives none."""
    self_signed(tmp_path)
    _, key = Authority(tmp_path / "ca").issue("ann")
    (tmp_path / "none").touch()
    said = {}
    for name in (str(key), "none"):
        with pytest.raises(BrokerError) as refused:
            connection(tmp_path, tls=Tls(ca="broker.crt", cert="broker.crt", key=name)).arguments()
        said[name] = str(refused.value)
    what = "no PEM files, a key with a password, or key and certificate do not match"
    assert said == {
        name: f"tls: cannot use broker.crt, {name}: {what}{more}"
        for name, more in ((str(key), " (NO_CERTIFICATE_ASSIGNED)"), ("none", ""))
    }


def test_a_certificate_that_has_ended_is_named_with_its_date(tmp_path: Path) -> None:
    """A broker ends the handshake with an alert, or without a word."""
    cert, key = Authority(tmp_path / "ca").issue("ann", days=-1)
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "user.crt").write_bytes(cert.read_bytes())
    (folder / "user.key").write_bytes(key.read_bytes())
    for tls, file in (
        (Tls(cert=str(cert), key=str(key)), cert),
        (Tls(cert="secret", key="secret"), folder / "user.crt"),
    ):
        said = rf"^tls: cannot use {file}: the certificate ended on 2[-0-9]+ [0-9]+:[0-9]+ UTC$"
        with pytest.raises(BrokerError, match=said):
            connection(tmp_path, tls=tls).arguments()
        (problem,) = check(tls, None, tmp_path)
        assert (problem.path, problem.severity) == (("tls", "cert"), Severity.WARNING)
        assert f"{file}: the certificate ended on 2" in problem.message
    assert list(check(Tls(enable=False, cert=str(cert), key=str(key)), None, tmp_path)) == []


def test_addresses() -> None:
    """host:port, host, and what is neither."""
    assert [address(text) for text in ("a", "a.b:1", "[::1]:9093")] == [
        ("a", 9092),
        ("a.b", 1),
        ("::1", 9093),
    ]
    for text in ("", "a:b", "http://a:1", "a:70000", "a:1:2", "..:1", "[zz]:1"):
        with pytest.raises(ValueError, match="is not host:port"):
            address(text)


def test_what_goes_together() -> None:
    """Fields that need each other, or exclude each other."""
    messages = [
        problem.message
        for problem in [
            *check(Tls(cert="c"), Sasl(username="u", username_file="f", password_file="p"), Path()),  # noqa: S106 - a file
            *check(None, Sasl(username="u"), Path()),
        ]
    ]
    assert messages == [
        "cert and key go together",
        "give one of username and username_file",
        'missing field "password_file"',
    ]
    assert list(check(Tls(), Sasl(username="u", password_file="p"), Path())) == []  # noqa: S106 - a file
