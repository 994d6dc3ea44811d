"""A real Kubernetes API server with its etcd, on free local ports, its data in a folder."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.real import kept
from tests.real.apiserver import ApiServer, Reach
from tests.real.cluster import kubeconfig
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


class Kube(ApiServer):
    """An API server with RBAC, its administrator known by a token or by a certificate.

    `reach` has the token, `certified` the certificate. What service accounts ask for is in the
    file `audit`, a JSON object a line.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._etcd_port, self._peer_port, self._port = (free_port() for _ in range(3))
        self._etcd = Server(self._etcd_command(), folder / "etcd.log")
        self._key = folder / "service-account.key"
        self._tokens = folder / "tokens.csv"
        self._tokens.write_text('admin-token,admin,admin,"system:masters"\n')
        self.audit = folder / "audit.log"
        self._audited = folder / "audit-policy.yaml"
        self._audited.write_text(_AUDITED)
        self._server = Server(self._server_command(), folder / "kube-apiserver.log")
        self._ca = folder / "certs" / "apiserver.crt"
        url = f"https://{LOCALHOST}:{self._port}"
        super().__init__(Reach(url=url, ca=str(self._ca), token="admin-token"))  # noqa: S106 - of a server that lives as long as a test
        certificate, key = (str(folder / f"admin.{end}") for end in ("crt", "key"))
        self.certified = Reach(url=url, ca=str(self._ca), certificate=certificate, key=key)

    def start(self) -> None:
        """Start etcd, then the API server, and wait until it is ready."""
        self._make_keys()
        if not self._etcd.running:
            self._etcd.start(lambda: call(self._etcd_port, "/health").status == 200)
        self._server.start(self._ready)

    def stop(self) -> None:
        """Stop both; the objects stay, and `start` goes on with them.

        etcd is killed: asked to end, it may take half a minute, and its log has all objects.
        """
        self._server.stop()
        self._etcd.kill()

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

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ready(self) -> bool:
        if not self._ca.exists():
            return False
        trusted = ssl.create_default_context(cafile=self._ca)
        return call(self._port, "/readyz", tls=trusted).status == 200

    def _make_keys(self) -> None:
        """The key that signs tokens, the authority of users, and the administrator's certificate.

        An authority is no more than a certificate that signs others.
        """
        if not self._key.exists():
            self._openssl("genrsa", "-out", str(self._key), "2048")
            self._certify("users", "/CN=users")
            signed = ["-CA", "users.crt", "-CAkey", "users.key"]
            self._certify("admin", "/O=system:masters/CN=admin", *signed)

    def _certify(self, name: str, subject: str, *more: str) -> None:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        out = ["-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "2"]
        self._openssl("req", "-x509", *curve, "-subj", subject, *out, *more)

    def _openssl(self, *arguments: str) -> None:
        command = [tool("openssl", "it makes the keys of the tests"), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)

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
            f"--secure-port={self._port}",
            f"--cert-dir={self._folder / 'certs'}",
            f"--token-auth-file={self._tokens}",
            f"--client-ca-file={self._folder / 'users.crt'}",
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
    if sys.argv[1:] == ["--build"]:  # ahead of the tests that want it
        apiserver()
    else:  # `make kube` keeps one running, to try things or to point tests at
        with kept.folder("kube") as place:
            shutil.rmtree(place / "server", ignore_errors=True)
            (place / "server").mkdir()
            with Kube(place / "server") as running:
                file = kubeconfig(running.certified, place / "server")
                kept.until_interrupted(
                    f"Kubernetes {VERSION}, until Ctrl-C: kubectl --kubeconfig {file}"
                )
