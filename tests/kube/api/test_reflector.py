"""A reflector that is stopped while its watch is open, ends, or has ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import urllib3

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.reflector import Reflector, Resource
from tests.kube.live import Proxy, until
from tests.real.apiserver import ApiServer
from tests.real.cluster import kubeconfig

NODES = Resource("Node", "v1", "nodes", namespaced=False)
WATCH: dict[str, str | int] = {"watch": "1", "timeoutSeconds": 60}


class Nothing:
    """A sink that reads what comes and keeps none of it."""

    def listed(self, pages: Iterable[list[msgspec.Raw]], **_: int) -> None:
        """Read the pages."""
        list(pages)

    def changed(self, one: msgspec.Raw, at: int) -> None:
        """An object was added or has changed."""

    def deleted(self, one: msgspec.Raw, at: int) -> None:
        """An object was deleted."""


def closed(response: urllib3.BaseHTTPResponse) -> None:
    """The watch has ended and its connection is closed."""
    response.close()


def released(response: urllib3.BaseHTTPResponse) -> None:
    """The answer was read to its end, and its connection goes to the next request."""
    response.release_conn()


def broken(response: urllib3.BaseHTTPResponse) -> None:
    """The connection broke: its socket is closed."""
    connection: Any = response.connection
    os.close(connection.sock.detach())


@pytest.mark.parametrize("end", [closed, released, broken])
def test_a_stop_after_the_watch_has_ended(
    kube_server: ApiServer, tmp_path: Path, end: Callable[[urllib3.BaseHTTPResponse], None]
) -> None:
    """The thread that watches may close the response just before `stop` does."""
    with closing(ClusterConnection(kubeconfig(kube_server, tmp_path))) as connection:
        reflector = Reflector(connection, NODES, Nothing())
        with connection.request(NODES.path(), WATCH) as response:
            end(response)
            with pytest.raises((OSError, RuntimeError, ValueError)):
                response.shutdown()
            reflector._response = response
            reflector.stop()


def test_a_stop_while_the_wire_is_cut(kube_server: ApiServer, tmp_path: Path) -> None:
    """Its thread ends, whatever has become of the connection."""
    with Proxy(kube_server) as proxy:
        path = kubeconfig(kube_server, tmp_path, port=proxy.port)
        with closing(ClusterConnection(path)) as connection:
            for _ in range(5):
                reflector = Reflector(connection, NODES, Nothing())
                reflector.start()
                until(lambda one=reflector: one._response is not None)  # type: ignore[misc] # bound at once
                proxy.cut()
                reflector.stop()
                until(lambda one=reflector: not one._thread.is_alive())  # type: ignore[misc] # bound at once
