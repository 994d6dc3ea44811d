"""Where a server listens, as users write it: host:port."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.files import check_files
from pipeline.flows import hosts

EVERY_NETWORK = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared alone
"""Hosts that stand for every address of the machine."""


class Listener(NamedTuple):
    """What a stage listens on (host:port; `tcp` or `udp`), and the path of the field with it."""

    path: ConfigPath
    listen: str
    transport: str = "tcp"


def address(listen: str) -> tuple[str, int]:
    """Host and port. Raises ValueError when `listen` is not host:port.

    >>> address("127.0.0.1:2055"), address("[::1]:0")
    (('127.0.0.1', 2055), ('::1', 0))
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise ValueError(f'"{listen}" is not host:port')
    if not host:
        raise ValueError(
            f'"{listen}" does not say where: 127.0.0.1{listen} for this machine '
            f"alone, 0.0.0.0{listen} for every network"
        )
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f'"{listen}" is not host:port')
    try:
        return hosts.host(host), int(port)
    except ValueError as error:
        raise ValueError(f'"{listen}" is not host:port: {error}') from None


def check(listen: str, tls: Mapping[str, str], folder: Path, port: int = 9102) -> Iterator[Problem]:
    """What is wrong with the address of a server and its `tls`: PEM files under `folder`.

    These are the fields `tls_cert`, `tls_key` and `client_ca`, "" where not given.
    """
    try:
        _ = address(listen)
    except ValueError as error:
        yield Problem(("listen",), str(error), f"for example 127.0.0.1:{port} or [::1]:{port}")
    if tls["client_ca"] and not tls["tls_cert"]:
        yield Problem(("client_ca",), "client_ca takes TLS: give tls_cert and tls_key")
    yield from check_files(tls, folder)
