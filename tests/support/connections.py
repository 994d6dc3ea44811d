"""Rounds of flows: one of each connection, in both directions in turn, with FIN in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator


def flows_of_round(connections: int, number: int, *, last: bool) -> Iterator[bytes]:
    """A flow of each connection in the round of this number, as JSON."""
    for connection in range(connections):
        ends = [("10.0.0.1", 1024 + connection), ("10.0.0.2", 443)]
        if number % 2:
            ends.reverse()
        (source, source_port), (target, port) = ends
        flow = {"SrcAddr": source, "SrcPort": source_port, "DstAddr": target, "DstPort": port}
        yield json.dumps(flow | {"Proto": 6, "Flags": 1 if last else 16}).encode()
