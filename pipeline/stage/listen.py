"""Where a server listens, as users write it: host:port."""

from __future__ import annotations

import re


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
    return host.strip("[]"), int(port)
