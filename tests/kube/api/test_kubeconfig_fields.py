"""What is said of a kubeconfig with a field that cannot be used."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ConnectError, CredentialsError
from tests.support.commands import flowmatrix

SERVER = {"server": "https://127.0.0.1:1"}
PLUGIN = {"command": "true", "apiVersion": "client.authentication.k8s.io/v1"}
OTHER = b64encode(b"hello").decode()
BEGUN = b64encode(b"-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----").decode()
PEM = "expected a certificate in PEM, which is in base64"


def written(folder: Path, cluster: Any, user: Any, **more: Any) -> Path:
    """A kubeconfig whose context is of this cluster and this user."""
    path = folder / "config"
    entries = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "one",
    }
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **entries, **more}))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        ({"server": 7}, "field server: expected a URL such as https://10.0.0.1:6443, got 7"),
        ({"server": "nonsense"}, "field server: expected a URL"),
        ({"server": "https://10.0.0.300:6443"}, "field server: expected a URL"),
        ({"certificate-authority-data": "%%%"}, f"-authority-data: {PEM}"),
        ({"certificate-authority-data": OTHER}, f"-authority-data: {PEM}"),
        ({"certificate-authority-data": 7}, f"-authority-data: {PEM}"),
        ({"certificate-authority-data": BEGUN}, "-authority is not in PEM"),
        ({"certificate-authority": "none.pem"}, "does not exist: "),
        ({"extensions": [7]}, "field extensions[0]: expected mapping, got int"),
        ({"insecure-skip-tls-verify": "yes"}, "expected true or false, got text"),
        ({"proxy-url": "::x"}, "'::x' is not a valid host or port"),
        ("text", 'cluster "c" is not a mapping'),
    ],
)
def test_a_cluster(tmp_path: Path, cluster: Any, message: str) -> None:
    given = SERVER | cluster if isinstance(cluster, dict) else cluster
    with pytest.raises(ConnectError) as caught:
        ClusterConnection(written(tmp_path, given, {"token": "t"}))
    assert message.lower() in str(caught.value).lower()


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"client-certificate-data": "!hush"}, f"client-certificate-data: {PEM}"),
        ({"client-key-data": OTHER}, "client-key-data: expected a key in PEM, which is in base64"),
        ({"client-certificate-data": BEGUN}, "a certificate needs client-key, or client-key-data"),
        ({"token": ["hush"]}, "field token: expected text"),
        ({"password": 7_777}, "field password: expected text"),
        ({"as-groups": 7}, "field as-groups: expected list, got int"),
        ({"as-user-extra": ["a"]}, "field as-user-extra: expected mapping, got list"),
        ({"auth-provider": "text"}, "field auth-provider: expected mapping, got text"),
        ({"exec": "aws"}, "field exec: expected mapping, got text"),
        ({"exec": PLUGIN | {"command": ""}}, 'field exec: missing field "command"'),
        ({"exec": PLUGIN | {"args": 7}}, "field exec.args: expected list"),
        ({"exec": PLUGIN | {"args": [{"hush": 1}]}}, "field exec.args[0]: expected text"),
        ({"exec": PLUGIN | {"env": 7}}, "field exec.env: expected list"),
        ({"exec": PLUGIN | {"env": ["hush"]}}, "field exec.env[0]: expected mapping"),
        ({"exec": PLUGIN | {"env": [{"name": "A"}]}}, 'exec.env[0]: missing field "value"'),
        ({"exec": PLUGIN | {"interactiveMode": "never"}}, 'did you mean "Never"?'),
    ],
)
def test_a_user(tmp_path: Path, user: Any, message: str) -> None:
    """No secret is shown, and no request is sent without credentials."""
    path = written(tmp_path, SERVER, user)
    with pytest.raises(ConnectError) as caught:
        ClusterConnection(path)
    said = str(caught.value)
    assert said.startswith(f'{path}: user "u"')
    assert message in said
    assert "hush" not in said
    assert "7777" not in said


def test_names_that_are_not_there_are_answered_with_those_that_are(tmp_path: Path) -> None:
    user = {"token": "t"}
    for more, message in (
        ({"current-context": "two"}, 'there is no context "two"; there is one'),
        ({"current-context": "On"}, 'there is no context "On"; did you mean "one"?'),
        ({"clusters": []}, 'there is no cluster "c"; there is none'),
        ({"users": [{"name": "uu"}]}, 'there is no user "u"; did you mean "uu"?'),
        ({"contexts": [{"name": "one", "context": {}}]}, 'context "one" names no cluster'),
    ):
        with pytest.raises(ConnectError) as caught:
            ClusterConnection(written(tmp_path, SERVER, user, **more))
        assert message in str(caught.value)


def test_a_certificate_and_the_key_of_another(tmp_path: Path) -> None:
    """Files and data alike; the command ends with the reason, not with "does not answer"."""
    for name in ("one", "two"):
        subprocess.run(
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x "
            f"-keyout {name}.key -out {name}.crt".split(),
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
    user = {"client-certificate": "one.crt", "client-key": "two.key"}
    done = flowmatrix("inventory", "--out", "x", "--kubeconfig", written(tmp_path, SERVER, user))
    why = "error: no credentials: client certificate and key: not in PEM, or they do not match"
    assert (done.exit_code, done.stderr.startswith(why)) == (1, True), done.output
    with pytest.raises(CredentialsError):
        ClusterConnection(written(tmp_path, SERVER, user)).fetch("/version")
    right = written(tmp_path, SERVER, user | {"client-key": "one.key"})
    ClusterConnection(right).close()


@pytest.mark.parametrize("token", ["s3cret\nX: y", "s3cret\r", "s3cret\x00", "s3cret\u2026"])
def test_a_token_that_is_no_header(tmp_path: Path, token: str) -> None:
    """Nothing of it is shown, which a traceback of the library would do."""
    user = written(tmp_path, SERVER, {"token": f"a{token}b"})
    done = flowmatrix("inventory", "--out", "x", "--kubeconfig", user)
    said = "error: no credentials: authorization has a character that is never in one\n"
    assert (done.exit_code, done.stderr) == (1, said)
