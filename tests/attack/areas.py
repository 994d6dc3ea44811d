"""The areas of the attack suite; each runs in a process of its own, so that a crash is seen.

`python -m tests.attack.areas AREA` prints a line of JSON for each attack: its name when it begins,
its tally when it has ended.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import msgspec

from tests.attack.tally import Size, Tally

Attacks = Callable[[Size], Iterator[Tally]]

AREAS = {
    "protobuf": 1_500,
    "json": 1_500,
    "compressed": 1_500,
    "configuration": 2_000,
    "files": 1_500,
    "changes": 1_500,
    "recordings": 1_500,
    "http": 2_000,
    "kubernetes": 2_000,
    "output": 1_500,
    "state": 1_500,
    "exposition": 2_500,
    "kafka": 2_500,
}
"""The areas, each with the most memory it may take, in MB."""

REAL = frozenset({"exposition", "kafka"})
"""Those that need a real Prometheus, a real broker."""

_DATA = 6 << 30
"""Bytes that a process may have, so that a fault does not take the machine with it."""


def attacks(area: str) -> Attacks:
    """What an area tries."""
    found: Attacks = import_module(f"tests.attack.{area}").attacks
    return found


def main(area: str, share: str) -> None:
    """Try a share of an area; 0 is the short form."""
    resource.setrlimit(resource.RLIMIT_DATA, (_DATA, _DATA))
    with tempfile.TemporaryDirectory(prefix="flowmatrix-attack-") as folder:
        for tally in attacks(area)(Size(float(share), Path(folder))):
            sys.stdout.buffer.write(msgspec.json.encode(tally) + b"\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
