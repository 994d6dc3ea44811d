"""The index of an inventory file, shared by all stages with the same options."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from pipeline.diagnostics import Problem
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.index import Index
from pipeline.kube.inventory import file
from pipeline.stage.fingerprint import Fingerprint, fingerprints


@dataclass(frozen=True, eq=False)
class Inventory:
    """The index of a file's objects, and the problems of the file."""

    index: Index
    problems: list[Problem]


_read: WeakValueDictionary[tuple[tuple[Fingerprint, ...], IndexOptions], Inventory] = (
    WeakValueDictionary()
)


def inventory(path: Path, options: IndexOptions) -> Inventory:
    """The inventory of a file; it is shared while it is in use and the file does not change."""
    real = Path(os.path.realpath(path))  # of a loop of links, `resolve` raises RuntimeError
    key = fingerprints([real]), options
    found = _read.get(key)
    if found is None:
        found = _read[key] = Inventory(*file.load(path, options))
    return found
