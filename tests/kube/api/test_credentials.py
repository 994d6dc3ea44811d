"""Who asks: every kind of user that a kubeconfig has, on a real API server, also when it fails."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.files import write
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.credentials import credentials
from pipeline.kube.api.errors import ApiError, CredentialsError, UnreachableError
from pipeline.kube.api.kubeconfig import Context
from pipeline.kube.inventory import snapshot
from tests.kube.live import Client, Proxy, Tunnel, pod, until
from tests.kube.watching import measured, named, watching
from tests.real.apiserver import ApiServer
from tests.real.cluster import apply, delete, kubeconfig, present, service_account, token
from tests.real.kube import Kube

EXEC = "client.authentication.k8s.io/v1"
NAME = "kubernetes.default.svc"
"""One of the names in the server's certificate."""
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


def configured(
    server: ApiServer, folder: Path, user: Mapping[str, Any], cluster: Mapping[str, Any] = {}
) -> Path:
    """A kubeconfig of a user as it is given."""
    path = kubeconfig(server, folder)
    document = yaml.safe_load(path.read_text())
    document["users"] = [{"name": "admin", "user": dict(user)}]
    document["clusters"][0]["cluster"] |= cluster
    path.write_text(yaml.safe_dump(document))
    return path


def who(path: Path) -> tuple[str, list[str]]:
    """Whom the server takes the user of a kubeconfig for: name and groups."""
    with closing(ClusterConnection(path)) as connection:
        info = asked(connection)
    return info["username"], info.get("groups", [])


def asked(connection: ClusterConnection) -> dict[str, Any]:
    url = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    headers = {"Content-Type": "application/json"}
    answer = json.loads(connection.fetch(url, method="POST", body=REVIEW, headers=headers))
    found: dict[str, Any] = answer["status"]["userInfo"]
    return found


def plugin(folder: Path, script: str, **more: Any) -> dict[str, Any]:
    """A user whose credentials come from a shell script."""
    path = folder / "plugin.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": EXEC, "command": str(path), **more}}


def printed(status: Mapping[str, Any], version: str = EXEC) -> str:
    text = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
    return f"cat <<'END'\n{text}\nEND"


ADMIN = "admin-token"


def test_a_plugin_gives_a_token(own_kube_server: Kube, tmp_path: Path) -> None:
    """`interactiveMode` makes no difference where nobody can be asked."""
    for mode in ({}, {"interactiveMode": "Never"}, {"interactiveMode": "IfAvailable"}):
        user = plugin(tmp_path, printed({"token": ADMIN}), **mode)
        assert who(configured(own_kube_server, tmp_path, user))[0] == "admin"


def test_a_plugin_gives_a_certificate(own_kube_server: Kube, tmp_path: Path) -> None:
    """A plugin may give a certificate with its key instead of a token."""
    reach = own_kube_server.certified
    assert reach.certificate
    assert reach.key
    given = {
        "clientCertificateData": Path(reach.certificate).read_text(),
        "clientKeyData": Path(reach.key).read_text(),
    }
    user = plugin(tmp_path, printed(given))
    assert who(configured(own_kube_server, tmp_path, user))[0] == "admin"


def test_a_plugin_is_told_what_kubectl_tells_it(tmp_path: Path) -> None:
    """Arguments, environment, cluster, and a standard input that never is the flows."""
    script = 'printf "%s" "$KUBERNETES_EXEC_INFO" > info; wc -c > stdin; echo "$A $1" > told\n'
    more = {"args": ["x y"], "env": [{"name": "A", "value": "b"}], "provideClusterInfo": True}
    user = plugin(tmp_path, script + printed({"token": " t\n"}), **more)
    cluster = {"server": "https://c", "tls-server-name": "n", "certificate-authority": "f"}
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"k": 1}}
    found = credentials(Context({**cluster, "extensions": [extension]}, user, tmp_path), 0.0)
    assert found.user == {"token": "t"}
    assert (tmp_path / "told").read_text() == "b x y\n"
    assert int((tmp_path / "stdin").read_text()) == 0
    assert json.loads((tmp_path / "info").read_text()) == {
        "apiVersion": EXEC,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {"server": "https://c", "tls-server-name": "n", "config": {"k": 1}},
        },
    }


@pytest.mark.parametrize(
    ("script", "more", "message"),
    [
        ("echo 'sso: dial tcp' >&2; exit 3", {}, "ended with status 3: sso: dial tcp"),
        ("exit 1", {}, "plugin.sh ended with status 1$"),
        ("echo nonsense", {}, "printed no ExecCredential with a status"),
        (printed({}), {}, "gave neither a token nor a certificate with its key"),
        (printed({"clientCertificateData": "x"}), {}, "gave neither a token nor"),
        (printed({"token": "t"}, "v0"), {}, "speaks v0, and the kubeconfig asks for client"),
        ("", {"interactiveMode": "Always"}, "wants to ask"),
        ("yes", {}, "it printed more than 1048576 bytes"),
        ("yes >&2", {}, "it printed more than 1048576 bytes"),
        ("", {"command": "no-such", "installHint": "get\nit"}, "No such file or directory; get it"),
    ],
)
def test_a_plugin_that_gives_nothing_says_why(
    script: str, more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Whatever keeps a plugin from giving credentials is in the error, on one line."""
    context = Context({}, plugin(tmp_path, script, **more), tmp_path)
    with pytest.raises(CredentialsError, match=f"^no credentials: .*{message}"):
        credentials(context, 0.0)


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"tokenFile": "none"}, "token file none: No such file or directory"),
        ({"tokenFile": "empty"}, "token file empty is empty"),
        ({"client-certificate": "none", "client-key": "none"}, "none: No such file or directory"),
        ({"auth-provider": {"name": "azure"}}, 'auth-provider "azure" is unknown'),
    ],
)
def test_credentials_that_are_not_there(user: dict[str, Any], message: str, tmp_path: Path) -> None:
    """A missing or empty file and an unknown provider are errors: nobody goes on as anonymous."""
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(CredentialsError, match=f"^no credentials: {message}"):
        credentials(Context({}, user, tmp_path), 0.0)


def test_a_token_file_is_read_again(own_kube_server: Kube, tmp_path: Path) -> None:
    """Every minute, and when the server does not know the token any more."""
    file = tmp_path / "token"
    file.write_text(f"{ADMIN}\n")
    path = configured(own_kube_server, tmp_path, {"tokenFile": "token", "token": "older"})
    now = [time.time()]
    with closing(ClusterConnection(path, clock=lambda: now[0])) as connection:
        assert asked(connection)["username"] == "admin"
        file.write_text("")
        assert asked(connection)["username"] == "admin", "the old one is used for a minute"
        now[0] += 61.0
        until(lambda: "is empty" in failure(connection))
        file.write_text(ADMIN)
        until(lambda: failure(connection) == "")


def failure(connection: ClusterConnection) -> str:
    """Why the server is not asked, or refuses; empty when it answers."""
    try:
        asked(connection)
    except (CredentialsError, ApiError, UnreachableError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_a_certificate_and_its_key_as_files_or_data(own_kube_server: Kube, tmp_path: Path) -> None:
    """A client certificate stands in files or, in base64, in the kubeconfig."""
    reach = own_kube_server.certified
    files = {"client-certificate": reach.certificate, "client-key": reach.key}
    data = {f"{k}-data": b64encode(Path(str(v)).read_bytes()).decode() for k, v in files.items()}
    for user in (files, data):
        assert who(configured(own_kube_server, tmp_path, user))[0] == "admin"


def test_impersonation(own_kube_server: Kube, tmp_path: Path) -> None:
    """Whom to act as, with all groups; by any login."""
    acting = {"as": "jane", "as-groups": ["readers", "writers"], "as-uid": "7"}
    acting["as-user-extra"] = {"reason": ["a", "b"]}  # type: ignore[assignment] # a mapping too
    reach = own_kube_server.certified
    for login in (
        {"token": ADMIN},
        {"client-certificate": reach.certificate, "client-key": reach.key},
        plugin(tmp_path, printed({"token": ADMIN})),
    ):
        path = configured(own_kube_server, tmp_path, {**login, **acting})
        with closing(ClusterConnection(path)) as connection:
            found = asked(connection)
        assert found["username"] == "jane"
        assert found["uid"] == "7"
        assert found["groups"] == ["readers", "writers", "system:authenticated"]
        assert found["extra"] == {"reason": ["a", "b"]}


def test_a_proxy_and_the_name_in_the_certificate(own_kube_server: Kube, tmp_path: Path) -> None:
    """`proxy-url` and `tls-server-name`; the proxy sees nothing but the tunnel."""
    with Tunnel() as tunnel:
        cluster = {"proxy-url": f"http://127.0.0.1:{tunnel.port}", "tls-server-name": NAME}
        path = configured(own_kube_server, tmp_path, {"token": ADMIN}, cluster)
        assert who(path)[0] == "admin"
        url = own_kube_server.reach.url.removeprefix("https://")
        assert [line.rpartition(" ")[0] for line in tunnel.asked] == [f"CONNECT {url}"]


def test_a_plugin_is_asked_again_when_its_token_expires(
    own_kube_server: Kube, tmp_path: Path
) -> None:
    """Until the time that it says, a plugin runs once."""
    soon = datetime.now(UTC) + timedelta(seconds=60)
    status = {"token": ADMIN, "expirationTimestamp": f"{soon:%Y-%m-%dT%H:%M:%SZ}"}
    user = plugin(tmp_path, f"echo >> {tmp_path}/runs\n{printed(status)}")
    path = configured(own_kube_server, tmp_path, user)
    now = [time.time()]

    def runs() -> int:
        return len((tmp_path / "runs").read_text().splitlines())

    with closing(ClusterConnection(path, clock=lambda: now[0])) as connection:
        assert [asked(connection)["username"] for _ in range(3)] == ["admin"] * 3
        assert runs() == 1
        now[0] += 120.0

        def again() -> bool:
            return asked(connection)["username"] == "admin" and runs() > 1

        until(again)


def secret(space: str, name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


def bound(server: ApiServer, account: Mapping[str, Any], to: Mapping[str, Any]) -> str:
    """A token that is revoked with the object it is bound to."""
    uid = apply(server, to)["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "Secret", "name": to["metadata"]["name"], "uid": uid}
    return token(server, account, boundObjectRef=reference)


def viewer(space: str) -> list[dict[str, Any]]:
    """The right to read everything, bound to a service account."""
    group = "rbac.authorization.k8s.io"
    head = {"apiVersion": f"{group}/v1", "metadata": {"name": f"{space}-viewer"}}
    rule = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
    subject = {"kind": "ServiceAccount", "name": "viewer", "namespace": space}
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": f"{space}-viewer"}
    return [
        {**head, "kind": "ClusterRole", "rules": [rule]},
        {**head, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]},
    ]


Writes = Callable[[str], None]


@pytest.mark.parametrize("kind", ["plugin", "token file"])
def test_a_token_is_revoked_while_no_other_can_be_had(
    kube_server: ApiServer, space: str, tmp_path: Path, kind: str
) -> None:
    """Nothing is asked as anonymous meanwhile; with a new token all goes on, without a restart."""
    client, account = Client(kube_server), service_account(space, "viewer")
    apply(kube_server, account)
    file = tmp_path / "token"
    file.write_text(bound(kube_server, account, secret(space, "s1")))
    user: dict[str, Any] = {"tokenFile": str(file)}
    if kind == "plugin":
        script = f'test -s {file} || {{ echo "sso: dial tcp: i/o timeout" >&2; exit 1; }}\n'
        text = printed({"token": "TOKEN"}).replace("'END'", "END")
        user = plugin(tmp_path, script + text.replace("TOKEN", f"$(cat {file})"))
    said = "sso: dial tcp: i/o timeout" if kind == "plugin" else "token file token is empty"
    with Proxy(kube_server) as proxy, present(kube_server, *viewer(space)):
        way = yaml.safe_load(kubeconfig(kube_server, tmp_path, port=proxy.port).read_text())
        path = configured(kube_server, tmp_path, user, way["clusters"][0]["cluster"])
        client.create(pod("before", "198.18.6.1", space))
        with watching(path, namespaces=[space]) as watch:
            assert named(watch, "198.18.6.1") == "before"
            file.write_text("")
            delete(kube_server, secret(space, "s1"))

            def known() -> bool:
                proxy.cut()
                return sum(said in problem for problem in watch.problems()) == 5

            until(known)
            client.create(pod("after", "198.18.6.2", space))
            write(file, bound(kube_server, account, secret(space, "s2")))
            until(lambda: watch.problems() == [])
            until(lambda: named(watch, "198.18.6.2") == "after")
            errors = measured(watch, "kube_errors")
            assert errors["Pod", "credentials"] > 0
            assert not any(code == "403" for _, code in errors), "who asks is never anonymous"


def test_a_plugin_that_fails_at_the_start_is_tried_again(
    own_kube_server: Kube, tmp_path: Path
) -> None:
    """What is waited for says why; then it is there."""
    good = tmp_path / "good"
    script = f'test -f {good} || {{ echo "log in first" >&2; exit 1; }}\n'
    user = plugin(tmp_path, script + printed({"token": ADMIN}))
    with watching(configured(own_kube_server, tmp_path, user)) as watch:
        until(lambda: sum("no credentials: " in text for text in watch.waiting()) == 5)
        assert all("log in first" in text for text in watch.waiting())
        good.touch()
        until(lambda: watch.waiting() == [])
        until(lambda: watch.problems() == [])


def test_an_inventory_says_what_the_plugin_said(own_kube_server: Kube, tmp_path: Path) -> None:
    """A command that needs the cluster ends with the plugin's own words."""
    user = plugin(tmp_path, "echo log in first >&2; exit 1")
    path = configured(own_kube_server, tmp_path, user)
    with closing(ClusterConnection(path)) as connection:
        taken = snapshot.take(connection, refused=lambda _: None)
        with pytest.raises(CredentialsError, match="status 1: log in first"):
            list(taken)


def test_an_anonymous_answer_renews(own_kube_server: Kube, tmp_path: Path) -> None:
    """A kubeconfig without credentials that gets some later."""
    path = configured(own_kube_server, tmp_path, {})
    with closing(ClusterConnection(path)) as connection:
        assert "system:anonymous" in failure(connection)
        configured(own_kube_server, tmp_path, {"token": ADMIN})
        until(lambda: failure(connection) == "")


def test_a_certificate_of_the_server_that_changes(own_kube_server: Kube, tmp_path: Path) -> None:
    """The authority in the kubeconfig is wrong first; nothing needs a restart."""
    wrong = {"certificate-authority": str(tmp_path / "wrong.crt")}
    reach = own_kube_server.certified
    (tmp_path / "wrong.crt").write_bytes(Path(str(reach.certificate)).read_bytes())
    path = configured(own_kube_server, tmp_path, {"token": ADMIN}, wrong)
    with closing(ClusterConnection(path)) as connection:
        assert "certificate verify failed" in failure(connection)
        (tmp_path / "wrong.crt").write_bytes(Path(str(reach.ca)).read_bytes())
        until(lambda: failure(connection) == "")
