"""What an index keeps of objects: so little that a cluster of 100,000 pods fits into memory.

Source: docs/reference/kubernetes.md#lookup.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pipeline.kube.api.objects import Object, Owner
from pipeline.kube.index.entries import Entry, IndexOptions, entry
from pipeline.kube.index.history import FormerHolder
from pipeline.kube.index.owners import parent

Key = tuple[str, str, str]
"""Kind, namespace and name of an object."""

_NETWORKS = frozenset({"UserDefinedNetwork", "ClusterUserDefinedNetwork"})


class Kept(msgspec.Struct, frozen=True, gc=False):
    """What is kept of an object; equal values give equal answers."""

    entry: Entry | None
    parent: Owner | None
    network: bool

    def __bool__(self) -> bool:
        return bool(self.entry or self.parent or self.network)


def kept(one: Object, options: IndexOptions) -> Kept:
    """What to keep. Raises msgspec.ValidationError when the object does not fit its kind."""
    return Kept(entry(one, options), parent(one), one.kind in _NETWORKS)


NOTHING = Kept(None, None, network=False)


class IndexDump(NamedTuple):
    """The content of an index at a moment; equal dumps give the same answers.

    `past`: the former holders of addresses, in the order in which they were learnt. `timed`: the
    index knows when holders had their addresses.
    """

    options: IndexOptions
    entries: dict[Key, Entry]
    parents: dict[Key, Owner]
    networks: frozenset[Key]
    past: tuple[FormerHolder, ...]
    timed: bool
