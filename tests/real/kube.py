"""A real Kubernetes API server with its etcd, on free local ports, its data in a folder."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any, Self

from tests.real.parts import (
    LOCALHOST,
    Missing,
    Server,
    cache,
    call,
    debian,
    free_port,
    locked,
    tool,
)

VERSION = "1.34.2"
SERVICE_RANGE = "172.30.0.0/16"
_AUDITED = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, userGroups: ["system:serviceaccounts"]}
- {level: None}
"""
_MODULE = Path(__file__).parent / "kube-apiserver"


def cached() -> bool:
    """Whether the API server is built already."""
    return _binary().exists()


def _binary() -> Path:
    return cache(f"kube-apiserver-{VERSION}") / "kube-apiserver"


def apiserver() -> Path:
    """The API server, built by Go the first time (minutes)."""
    binary = _binary()
    with locked(binary.parent):
        if not binary.exists():
            _build(binary)
    return binary


def _build(binary: Path) -> None:
    go = tool("go", "it builds the Kubernetes API server")
    partial = binary.with_suffix(".partial")
    package = "k8s.io/component-base/version"
    major, minor, _ = VERSION.split(".")
    told = {"gitVersion": f"v{VERSION}", "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s -w", *(f"-X {package}.{key}={value}" for key, value in told.items())])
    command = [go, "build", "-trimpath", "-ldflags", flags, "-o", str(partial), "."]
    polite = ["nice", *command] if shutil.which("nice") else command
    done = subprocess.run(polite, cwd=_MODULE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"the API server did not build: {done.stderr[-2000:]}")
    partial.rename(binary)


class Kube:
    """An API server with token authentication and RBAC.

    `token` is the administrator's; `user_token` is of the user "flowmatrix", who has the rights
    a test binds to it, and none else. `ca` is a PEM file that verifies `url`. What service accounts
    ask for is in the file `audit`, a JSON object a line.
    """

    token = "admin-token"  # noqa: S105 - of a server that lives as long as a test
    user_token = "user-token"  # noqa: S105 - same

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._etcd_port, self._peer_port, self.port = (free_port() for _ in range(3))
        self._etcd = Server(self._etcd_command(), folder / "etcd.log")
        self._key = folder / "service-account.key"
        self._tokens = folder / "tokens.csv"
        self._tokens.write_text(
            f'{self.token},admin,admin,"system:masters"\n{self.user_token},flowmatrix,flowmatrix\n'
        )
        self.audit = folder / "audit.log"
        self._audited = folder / "audit-policy.yaml"
        self._audited.write_text(_AUDITED)
        self._server = Server(self._server_command(), folder / "kube-apiserver.log")
        self.url = f"https://{LOCALHOST}:{self.port}"
        self.ca = folder / "certs" / "apiserver.crt"

    def start(self) -> None:
        """Start etcd, then the API server, and wait until it is ready."""
        self._make_key()
        if not self._etcd.running:
            self._etcd.start(lambda: call(self._etcd_port, "/health").status == 200)
        self._server.start(self._ready)

    def stop(self) -> None:
        """Stop both; the objects stay, and `start` goes on with them."""
        self._server.stop()
        self._etcd.stop()

    def kill(self) -> None:
        """End the API server at once (SIGKILL); etcd goes on, `start` brings the server back."""
        self._server.kill()

    def restart(self) -> None:
        """Stop and start the API server, on the same port with the same objects."""
        self._server.stop()
        self.start()

    def wipe(self) -> None:
        """Start again with no objects: resource versions begin anew, watches must list again."""
        self.stop()
        shutil.rmtree(self._folder / "etcd")
        self.start()

    def freeze(self) -> None:
        """Let the API server hang: connections stay open, nothing is answered."""
        self._server.freeze()

    def thaw(self) -> None:
        """Let a frozen API server go on."""
        self._server.thaw()

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = token,
        kind: str = "application/json",
    ) -> dict[str, Any]:
        """The JSON answer; RuntimeError for a status of 400 or more. Patches need their `kind`."""
        answer = call(
            self.port,
            path,
            method=method,
            body=None if body is None else json.dumps(body),
            headers={"Authorization": f"Bearer {token}", "Content-Type": kind},
            tls=ssl.create_default_context(cafile=self.ca),
        )
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body.decode()}")
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ready(self) -> bool:
        if not self.ca.exists():
            return False
        trusted = ssl.create_default_context(cafile=self.ca)
        return call(self.port, "/readyz", tls=trusted).status == 200

    def _make_key(self) -> None:
        if not self._key.exists():
            openssl = tool("openssl", "it makes the keys of the tests")
            command = [openssl, "genrsa", "-out", str(self._key), "2048"]
            subprocess.run(command, check=True, capture_output=True)

    def _etcd_command(self) -> list[str]:
        client = f"http://{LOCALHOST}:{self._etcd_port}"
        peer = f"http://{LOCALHOST}:{self._peer_port}"
        return [
            debian("etcd-server", "etcd"),
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        ]

    def _server_command(self) -> list[str]:
        return [
            str(apiserver()),
            f"--etcd-servers=http://{LOCALHOST}:{self._etcd_port}",
            f"--bind-address={LOCALHOST}",
            f"--secure-port={self.port}",
            f"--cert-dir={self._folder / 'certs'}",
            f"--token-auth-file={self._tokens}",
            "--authorization-mode=RBAC",
            f"--audit-policy-file={self._audited}",
            f"--audit-log-path={self.audit}",
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            f"--service-account-issuer=https://{LOCALHOST}",
            f"--service-account-key-file={self._key}",
            f"--service-account-signing-key-file={self._key}",
        ]


if __name__ == "__main__":
    # `python -m tests.real.kube` builds the API server ahead of the tests that want it.
    apiserver()
