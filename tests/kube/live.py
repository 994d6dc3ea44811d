"""What the tests of a live cluster share: objects created for real, and a wire to cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

from tests.real.apiserver import ApiServer, NotFoundError, Reach, ask
from tests.real.parts import LOCALHOST

Manifest = Mapping[str, Any]
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
NOWHERE = """\
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: one, context: {cluster: c}}]
current-context: one
"""
"""A kubeconfig of a server that is not there."""
_PLURALS = {"Endpoints": "endpoints"}
_GLOBAL = {"Namespace", "Node", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def pod(name: str, ip: str, namespace: str = "shop", **status: Any) -> dict[str, Any]:
    """A running pod, its node one that is not there: nobody runs it."""
    addresses = {"podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "10.0.0.1", "phase": "Running"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "nodeName": "flowmatrix-tests",
            "containers": [{"name": "main", "image": "workload"}],
        },
        "status": {**addresses, **status},
    }


class Client:
    """Requests over one connection: thousands of objects in seconds."""

    def __init__(self, to: ApiServer | Reach) -> None:
        self._reach = to if isinstance(to, Reach) else to.reach
        self._pool = self._reach.pool()

    def __call__(
        self, method: str, path: str, body: object = None, kind: str = ""
    ) -> dict[str, Any]:
        """The answer; RuntimeError when it is refused."""
        return ask(self._pool, method, self._reach.url + path, body, kind)

    def __del__(self) -> None:
        self._pool.clear()

    def create(self, one: Manifest) -> None:
        """Create an object as it is, its status too. Owners' UIDs need not be real."""
        spec = {k: v for k, v in one.items() if k != "status"}
        self("POST", path_of(one), {**spec, "metadata": {**one["metadata"], "uid": None}})
        if "status" in one:
            self.set_status(one)

    def set_status(self, one: Manifest) -> None:
        """Set the status of an object."""
        path = f"{path_of(one)}/{one['metadata']['name']}/status"
        self("PATCH", path, {"status": one["status"]}, "application/strategic-merge-patch+json")

    def delete(self, one: Manifest) -> None:
        """Delete an object at once."""
        path = f"{path_of(one)}/{one['metadata']['name']}"
        with suppress(NotFoundError):
            self("DELETE", path, {"gracePeriodSeconds": 0})


def path_of(one: Manifest) -> str:
    """The path of the collection an object is in."""
    version, kind = one["apiVersion"], one["kind"]
    plural = _PLURALS.get(kind, f"{kind.lower()}s")
    root = "/apis" if "/" in version else "/api"
    inside = "" if kind in _GLOBAL else f"/namespaces/{one['metadata']['namespace']}"
    return f"{root}/{version}{inside}/{plural}"


def populate(server: ApiServer, manifests: Iterable[Manifest]) -> None:
    """Create the objects of a simulated cluster; what the server makes itself is left to it."""
    client = Client(server)
    there = {one["metadata"]["name"] for one in client("GET", "/api/v1/namespaces")["items"]}
    for one in manifests:
        meta = one["metadata"]
        if one["kind"] == "Namespace" and meta["name"] in there:
            continue
        if meta.get("namespace") == "default" and meta["name"].startswith("kubernetes"):
            continue
        client.create(one)


def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something to become true; AssertionError when it does not."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.02)


class Proxy:
    """A wire between a client and a server that can be cut: all its connections break at once."""

    def __init__(self, to: ApiServer) -> None:
        url = urlsplit(to.reach.url)
        self._to = url.hostname or "", url.port or {"http": 80}.get(url.scheme, 443)
        self._listener = socket.create_server((LOCALHOST, 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break what is connected now; new connections go through."""
        broken, self._open = self._open, []
        for one in broken:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # or accepting would go on
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here = self._listener.accept()[0]
                try:
                    ends = here, socket.create_connection(self._to)
                except OSError:
                    here.close()
                    continue
                self._open += ends
                threading.Thread(target=_carry, args=ends, daemon=True).start()


def _carry(here: socket.socket, there: socket.socket) -> None:
    """Pass on both ways until one ends; both are closed when neither way uses them any more."""
    with here, there:
        back = threading.Thread(target=_pass_on, args=(there, here), daemon=True)
        back.start()
        _pass_on(here, there)
        back.join()


def _pass_on(here: socket.socket, there: socket.socket) -> None:
    with suppress(OSError):
        while data := here.recv(65_536):
            there.sendall(data)
    for one in (here, there):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class Tunnel:
    """An HTTP proxy: it connects whoever asks with CONNECT, and notes what was asked."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOCALHOST, 0))
        self.port = self._listener.getsockname()[1]
        self.asked: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(
                    target=self._connect, args=(self._listener.accept()[0],), daemon=True
                ).start()

    def _connect(self, here: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += here.recv(65_536)
        line = head.partition(b"\r\n")[0].decode()
        self.asked.append(line)
        host, _, port = line.split()[1].rpartition(":")
        there = socket.create_connection((host, int(port)))
        here.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        _carry(here, there)
