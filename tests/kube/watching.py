"""An index that follows a real API server, asked between its changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.reflector import Timing
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.index import Peer
from pipeline.kube.index.owners import Climb
from pipeline.kube.sync.index import Watch

QUICK = Timing(silence=2.0, first=0.05, most=0.3)
CLIMB = Climb(frozenset({"ReplicaSet", "Deployment"}))


@contextmanager
def watching(path: Path, context: str = "", **more: Any) -> Iterator[Watch]:
    """A watch, closed with the block; of the index's options `window` and `secondary` are known."""
    options = IndexOptions(window=more.pop("window", 300.0), secondary=more.pop("secondary", ()))
    clock: Callable[[], float] = more.pop("clock", time.time)
    connection = ClusterConnection(path, context, clock)
    with closing(Watch(connection, options, timing=QUICK, **more)) as watch:
        yield watch


def fresh(watch: Watch) -> Watch:
    """The watch with everything applied that it knows."""
    watch._applied = 0.0
    watch.refresh()
    return watch


def at(watch: Watch, address: str, when: int | None = None) -> Peer | None:
    """Whose address it is, or was at a time (ms)."""
    return fresh(watch).index.lookup(address, CLIMB, at=when)


def named(watch: Watch, address: str, when: int | None = None) -> str:
    """The same, by name; nobody's is nameless."""
    found = at(watch, address, when)
    return found.name if found else ""


def measured(watch: Watch, name: str) -> dict[tuple[str, ...], float]:
    """A self-metric by its labels."""
    return {labels: value for metric, value, labels in watch.measure() if metric == name}
