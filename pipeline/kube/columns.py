"""The columns that enrichment writes for one end of a flow, and the source of each.

Names: docs/reference/kubernetes.md#names, also in OpenTelemetry's spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter, itemgetter
from typing import Literal, NamedTuple

import msgspec
import polars as pl

from pipeline.kube.index.entries import Entry
from pipeline.kube.index.index import Index
from pipeline.kube.index.peers import Peers

Assignee = Literal["", "otel"]

_READ: dict[str, Callable[[Peers], Iterable[str]]] = {
    "namespace": lambda peers: map(attrgetter("namespace"), peers.entries),
    "name": lambda peers: map(attrgetter("name"), peers.entries),
    "kind": lambda peers: map(attrgetter("kind"), peers.entries),
    "owner_name": lambda peers: map(attrgetter("name"), peers.owners),
    "owner_kind": lambda peers: map(attrgetter("kind"), peers.owners),
    "network": lambda peers: peers.networks,
    "host_ip": lambda peers: map(attrgetter("host_ip"), peers.entries),
    "host_name": lambda peers: map(itemgetter(0), peers.hosts),
    "zone": lambda peers: map(itemgetter(1), peers.hosts),
}
_SUFFIX = {
    "namespace": "_Namespace",
    "name": "_Name",
    "kind": "_Type",
    "owner_name": "_OwnerName",
    "owner_kind": "_OwnerType",
    "network": "_NetworkName",
    "host_ip": "_HostIP",
    "host_name": "_HostName",
    "zone": "_Zone",
}
_OTEL = {
    "namespace": "k8s.namespace.name",
    "name": "k8s.name",
    "kind": "k8s.type",
    "owner_name": "k8s.owner.name",
    "owner_kind": "k8s.owner.type",
    "network": "k8s.net.name",
    "host_ip": "k8s.host.ip",
    "host_name": "k8s.host.name",
    "zone": "k8s.zone",
}
_KINDS = ("Pod", "Node", "Service")


class Copied(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Labels or annotations to copy into `<prefix>_<key>`; without a prefix, nothing is copied.

    An empty `include` includes every key; `exclude` has precedence. Longer values are cut to
    `max_length` characters, of which the last three are dots.
    """

    prefix: str = ""
    include: list[str] = []
    exclude: list[str] = []
    max_length: int | None = None

    def takes(self, key: str) -> bool:
        """Whether this label or annotation is copied."""
        return key not in self.exclude and (not self.include or key in self.include)


class Column(NamedTuple):
    """The source of a value: what is known of peers, or a key of their labels or annotations.

    `source` is a name in `_READ`, `labels`, `annotations`, or `name:<Kind>` and
    `uid:<Kind>`, which only peers of that kind have.
    """

    source: str
    key: str = ""
    limit: int | None = None

    def read(self, peers: Peers) -> pl.Series:
        """The values of peers (String), null where a peer does not have it."""
        if self.source in _READ:
            texts = pl.Series(list(_READ[self.source](peers)), dtype=pl.String)
            return texts.set(texts == "", None)
        return pl.Series([self._read(peer) for peer in peers.entries], dtype=pl.String)

    def _read(self, peer: Entry) -> str | None:
        if self.source in {"labels", "annotations"}:
            texts = peer.labels if self.source == "labels" else peer.annotations
            return None if self.key not in texts else shorten(texts[self.key], self.limit)
        what, _, kind = self.source.partition(":")
        if kind != peer.kind:
            return None
        return peer.name if what == "name" else ""


def shorten(text: str, limit: int | None) -> str:
    """A text cut to `limit` characters; a text that was cut ends in dots."""
    if limit is None or len(text) <= limit:
        return text
    return (text[: max(limit - 3, 0)] + "...")[: max(limit, 0)]


def columns(output: str, assignee: Assignee, *, zone: bool) -> dict[str, Column]:
    """The columns by output field, without labels and annotations."""
    names = _OTEL if assignee else _SUFFIX
    found = {output + name: Column(source) for source, name in names.items()}
    if not zone:
        del found[output + names["zone"]]
    for kind in _KINDS if assignee else ():
        found[f"{output}k8s.{kind.lower()}.name"] = Column(f"name:{kind}")
        found[f"{output}k8s.{kind.lower()}.uid"] = Column(f"uid:{kind}")
    return found


def copied(
    source: Literal["labels", "annotations"],
    rule: Copied,
    index: Index,
    needed: Iterable[str] | None,
) -> dict[str, Column]:
    """The columns of the labels or annotations to copy, by output field, in order of their keys.

    `needed` limits the output fields; without it there is a column for every key in the index.
    """
    if not rule.prefix:
        return {}
    start = f"{rule.prefix}_"
    if needed is None:
        keys = index.label_keys() if source == "labels" else index.annotation_keys()
    else:
        keys = {name.removeprefix(start) for name in needed if name.startswith(start)}
    return {
        start + key: Column(source, key, rule.max_length) for key in sorted(keys) if rule.takes(key)
    }
