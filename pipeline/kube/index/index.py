"""From an address to the Kubernetes object behind it.

Source: docs/reference/kubernetes.md#lookup.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

import msgspec

from pipeline.flows import cidr
from pipeline.kube.api.objects import Fields, Object, Owner
from pipeline.kube.index import keys
from pipeline.kube.index.entries import Entry, IndexOptions
from pipeline.kube.index.history import AddressHistory, FormerHolder, Held, Period
from pipeline.kube.index.kept import NOTHING, IndexDump, Kept, Key, kept
from pipeline.kube.index.owners import HOPS, Climb

ZONE_LABEL = "topology.kubernetes.io/zone"
PRIMARY = "primary"
_HOST = "address of a Node"
_LOGGED = 10_000
"""The number of changes that are logged; a reader that missed more starts again."""
_Value = TypeVar("_Value")


class Peer(msgspec.Struct, frozen=True, gc=False):
    """The object that an address resolves to; texts that do not apply are empty."""

    kind: str
    namespace: str
    name: str
    owner: Owner
    network: str
    host_ip: str
    host_name: str
    zone: str
    labels: Fields
    annotations: Fields


class Index:
    """Pods, nodes and services by address. `version` changes whenever an answer may change.

    Objects may be added in any order, replaced and removed: owners, zones and networks are resolved
    by each lookup. `timed`: the index also knows when holders had their addresses.
    """

    def __init__(self, found: Iterable[Object] = (), options: IndexOptions | None = None) -> None:
        self.version = 0
        self.options = options or IndexOptions()
        self.timed = bool(self.options.window)
        self.remembered = 0
        """Since when (ms) former holders are remembered; 0: always."""
        self._entries: dict[Key, Entry] = {}
        self._parents: dict[Key, Owner] = {}
        self._leaving: dict[Key, int] = {}
        self._udns: set[Key] = set()
        self._holders = AddressHistory(round(self.options.window * 1000))
        self._log: deque[tuple[int, frozenset[str]]] = deque(maxlen=_LOGGED)
        for one in found:
            self.add(one)

    @classmethod
    def of(cls, dump: IndexDump) -> Index:
        """An index with this content. It shares the entries, which take most of the memory."""
        made = cls(options=dump.options)
        made.timed = dump.timed
        made._entries, made._parents = dict(dump.entries), dict(dump.parents)
        made._udns = set(dump.networks)
        for one in dump.entries.values():
            for text in _texts(one):
                made._holders.take(text, one)
        for past in dump.past:
            made._holders.remember(past.text, past.entry, past.until)
        return made

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, one: Object) -> None:
        """Add or replace an object; kinds that the index does not use are ignored.

        Raises msgspec.ValidationError when the object does not have the shape of its kind.
        """
        self.put(
            (one.kind, one.metadata.namespace or "", one.metadata.name), kept(one, self.options), 0
        )

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Forget an object, if it is known."""
        self.put((kind, namespace, name), NOTHING, 0)

    def put(self, key: Key, fresh: Kept, at: int, now: int = 0) -> None:
        """Set what is stored of an object, from `at` on (ms; learnt at `now`).

        The owner of a deleted object is remembered for two windows, because its pods may be deleted
        later and are then remembered for one.
        """
        old = self._kept(key)
        if not fresh and old.parent and self.options.window:
            self._leaving.setdefault(key, (now or at) + round(self.options.window * 2000))
            fresh = Kept(None, old.parent, network=False)
        else:
            self._leaving.pop(key, None)
        self._replace(key, old, fresh, (at, now or at))

    @property
    def entries(self) -> Mapping[Key, Entry]:
        """The present objects, to be gone through while nothing changes."""
        return MappingProxyType(self._entries)

    @cached_property
    def _below(self) -> dict[Key, set[Key]]:
        """The objects whose answers depend on an object: who only looks does not need it."""
        found: dict[Key, set[Key]] = {}
        for key in {**self._entries, **self._parents}:
            for above in _above(key, self._kept(key)):
                found.setdefault(above, set()).add(key)
        return found

    def _kept(self, key: Key) -> Kept:
        return Kept(self._entries.get(key), self._parents.get(key), key in self._udns)

    def _replace(self, key: Key, old: Kept, fresh: Kept, when: tuple[int, int]) -> None:
        if fresh == old:
            return
        texts = self._rehold(old.entry, fresh.entry, *when)
        for above in _above(key, old):
            self._below[above].discard(key)
            if not self._below[above]:
                del self._below[above]
        for above in _above(key, fresh):
            self._below.setdefault(above, set()).add(key)
        _set(self._entries, key, fresh.entry)
        _set(self._parents, key, fresh.parent)
        (self._udns.add if fresh.network else self._udns.discard)(key)
        if fresh.network != old.network:
            self._log.clear()  # the texts that are in another network now are unknown
            self.version += 1
            return
        texts |= self._under(key)
        if key[0] == "Node":
            texts |= {below for text in texts for below in self._under((_HOST, "", text))}
        self._touch(texts)

    def remember(self, past: FormerHolder) -> None:
        """Add a former holder of an address."""
        self._holders.remember(past.text, past.entry, past.until)
        self._touch({past.text})

    def dump(self) -> IndexDump:
        """The present content; later changes do not affect it."""
        return IndexDump(
            self.options,
            dict(self._entries),
            dict(self._parents),
            frozenset(self._udns),
            tuple(self._holders.past()),
            self.timed,
        )

    def expire(self, now: int) -> None:
        """Forget former holders, and owners of deleted objects, whose time is over."""
        self.remembered = now - round(self.options.window * 1000)
        gone = set(self._holders.expire(now))
        if gone:
            self._touch(gone)
        while self._leaving and (first := next(iter(self._leaving.items())))[1] <= now:
            del self._leaving[first[0]]
            self._replace(first[0], self._kept(first[0]), NOTHING, (now, now))

    def changed(self, version: int) -> set[str] | None:
        """The texts whose answers may have changed since a version; None: all of them."""
        if self.version - version > len(self._log):
            return None
        found: set[str] = set()
        for number, texts in reversed(self._log):
            if number <= version:
                break
            found |= texts
        return found

    def lookup(
        self,
        address: str,
        climb: Climb,
        *,
        mac: str = "",
        interfaces: Iterable[str] = (),
        udns: Iterable[str] = (),
        at: int | None = None,
    ) -> Peer | None:
        """The object behind one end of a flow: secondary key, then pod, node, service address.

        The object that has it now or, with `at` (ms), the object that had it then.
        """
        found = self.periods(address, mac=mac, interfaces=interfaces, udns=udns)
        meant = [one for one in found if at is None or one[0].since <= at]
        return self.peer(meant[-1][0].entry, meant[-1][1], climb) if meant else None

    def periods(
        self,
        address: str,
        *,
        mac: str = "",
        interfaces: Iterable[str] = (),
        udns: Iterable[str] = (),
    ) -> list[tuple[Period, str]]:
        """The objects behind one end of a flow in order of time, each with its network.

        `address` may be in any form.
        """
        address = cidr.canonical(address)
        periods = self._holders.periods
        for key in keys.flow_attachments(self.options.multus, address, mac, interfaces):
            if found := periods(key):
                return [(one, one.entry.networks[key]) for one in found]
        for udn in udns if self.options.udn else ():
            key = keys.udn_key(udn, address)
            inside = [
                (one, udn) for one in periods(key) if self._network(one.entry.networks[key]) == udn
            ]
            if inside:
                return inside
        return [(one, PRIMARY) for one in periods(address)]

    def held(self, addresses: Sequence[str]) -> Held:
        """The holders, in the primary network, of those of many addresses that have or had one.

        The addresses are in canonical form.
        """
        return self._holders.held(addresses)

    def texts(
        self,
        address: str,
        mac: str = "",
        interfaces: Iterable[str] = (),
        udns: Iterable[str] = (),
    ) -> Iterator[str]:
        """Every text (address or key) on which the answer for one end of a flow depends."""
        address = cidr.canonical(address)
        yield address
        yield from keys.flow_attachments(self.options.multus, address, mac, interfaces)
        yield from (keys.udn_key(udn, address) for udn in udns if self.options.udn)

    def knows(self, key: Key) -> bool:
        """Whether anything is stored of an object. Any thread may call it."""
        return key in self._entries or key in self._parents or key in self._udns

    def claimants(self, text: str) -> tuple[Entry, ...]:
        """All objects that claim an address now; the last one has it."""
        return self._holders.all_now(text)

    def guests(self, node: Entry) -> list[Entry]:
        """The pods on the network of a node, which have no address of their own."""
        keys_below = self._below.get(("Node", "", node.name), ()) if node.kind == "Node" else ()
        on_it = (self._entries.get(key) for key in keys_below)
        return [one for one in on_it if one and not one.ended and not one.addresses]

    def owners(self, found: Entry, climb: Climb) -> list[Owner]:
        """The owners on the way to the shown one; an object without owner is its own owner."""
        chain = [found.owner or Owner(found.kind, found.name)]
        for hop in range(HOPS):
            owner = chain[-1]
            parent = self._parents.get((owner.kind, found.namespace, owner.name))
            if parent is None or not climb.allows(owner.kind, parent.kind, hop):
                break
            chain.append(parent)
        return chain

    def owner(self, found: Entry, climb: Climb) -> Owner:
        """The owner to show, after climbing."""
        return self.owners(found, climb)[-1]

    def label_keys(self) -> set[str]:
        """Every label key of the indexed objects."""
        return {key for one in list(self._entries.values()) for key in one.labels}

    def annotation_keys(self) -> set[str]:
        """Every annotation key of the indexed objects (empty unless kept)."""
        return {key for one in list(self._entries.values()) for key in one.annotations}

    def peer(self, found: Entry, network: str, climb: Climb) -> Peer:
        """The peer of an indexed object, with its owner, node, zone and network."""
        host_name, zone = self.hosts([found])[0]
        return Peer(
            kind=found.kind,
            namespace=found.namespace,
            name=found.name,
            owner=self.owner(found, climb),
            network=network,
            host_ip=found.host_ip,
            host_name=host_name,
            zone=zone,
            labels=found.labels,
            annotations=found.annotations,
        )

    def shown_owners(self, found: Iterable[Entry], climb: Climb) -> list[Owner]:
        """The owners to show of many objects; those that share one are looked up once."""
        known: dict[tuple[str, Owner], Owner] = {}
        shown: list[Owner] = []
        for one in found:
            first = one.namespace, one.owner or Owner(one.kind, one.name)
            owner = known.get(first)
            if owner is None:
                owner = known[first] = self.owner(one, climb)
            shown.append(owner)
        return shown

    def hosts(self, found: Iterable[Entry]) -> list[tuple[str, str]]:
        """The name and the zone of the node of many objects; each node is looked up once."""
        known: dict[tuple[str, str], tuple[str, str]] = {}
        hosts: list[tuple[str, str]] = []
        for one in found:
            on = one.node, one.host_ip
            host = known.get(on)
            if host is None:
                host = known[on] = self._host(*on)
            hosts.append(host)
        return hosts

    def _host(self, node: str, host_ip: str) -> tuple[str, str]:
        """The name and the zone of a node; without its address, it has no name."""
        if not node and host_ip:
            holder = self._holders.now(host_ip, "Node")
            node = holder.name if holder else ""
        host = self._entries.get(("Node", "", node))
        return node if host_ip else "", host.labels.get(ZONE_LABEL, "") if host else ""

    def _network(self, label: str) -> str:
        """The name of a user-defined network, without namespace for a cluster-wide network."""
        namespace, _, name = label.partition("/")
        if ("UserDefinedNetwork", namespace, name) in self._udns:
            return label
        return name if ("ClusterUserDefinedNetwork", "", name) in self._udns else label

    def _rehold(self, old: Entry | None, fresh: Entry | None, at: int, now: int) -> set[str]:
        """Replace an entry as the holder of its texts; return the texts of both."""
        before, after = _texts(old), _texts(fresh)
        if old and old is not fresh:
            for text in before:
                self._holders.release(text, old, None if text in after else at, now)
        if fresh and old is not fresh:
            for text in after:
                self._holders.take(text, fresh)
        return before | after

    def _under(self, key: Key, depth: int = HOPS) -> set[str]:
        """The texts of the objects whose answers depend on this object: owned by it, or on it."""
        found: set[str] = set()
        for below in self._below.get(key, ()):
            found |= _texts(self._entries.get(below))
            if depth:
                found |= self._under(below, depth - 1)
        return found

    def _touch(self, texts: set[str]) -> None:
        self.version += 1
        self._log.append((self.version, frozenset(texts)))


def _texts(found: Entry | None) -> set[str]:
    return {*found.addresses, *found.networks} if found else set()


def _above(key: Key, one: Kept) -> Iterator[Key]:
    """The objects that the answers of this object depend on: its owner, its node."""
    for owner in (one.parent, one.entry.owner if one.entry else None):
        if owner:
            yield owner.kind, key[1], owner.name
    if one.entry and one.entry.kind == "Pod":
        found = one.entry
        yield ("Node", "", found.node) if found.node else (_HOST, "", found.host_ip)


def _set(table: dict[Key, _Value], key: Key, value: _Value | None) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
