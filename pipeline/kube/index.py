"""From an address to the Kubernetes object behind it (flp-semantics c, operator-spec section 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from pipeline.kube import keys
from pipeline.kube.entries import Entry, Options, entry
from pipeline.kube.objects import Fields, Object, Owner

ZONE_LABEL = "topology.kubernetes.io/zone"
PRIMARY = "primary"
_HOPS = 3
_FURTHER: dict[str, frozenset[str] | None] = {
    "ReplicaSet": None,
    "Job": frozenset({"CronJob"}),
    "ReplicationController": frozenset({"DeploymentConfig"}),
    "VirtualMachineInstance": frozenset({"VirtualMachine"}),
}
"""Kinds that are owned by a lasting one; None: by any."""
_PARENTS = frozenset({"Deployment", *_FURTHER})
_NETWORKS = frozenset({"UserDefinedNetwork", "ClusterUserDefinedNetwork"})
_Key = tuple[str, str, str]


class Climb(msgspec.Struct, frozen=True):
    """How far the owner of a pod is followed.

    No `tracked` kinds: a ReplicaSet gives way to its owner, once. Otherwise at most three hops
    through known ReplicaSets (and Deployments, if tracked), never from a tracked kind to one that
    is not. `further` also climbs from ReplicaSet, Job, ReplicationController and
    VirtualMachineInstance to what outlives them.
    """

    tracked: frozenset[str] = frozenset()
    further: bool = False


class Peer(msgspec.Struct, frozen=True):
    """What an address resolves to; texts that do not apply are empty."""

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

    Objects may come in any order, be replaced and be removed: owners, zones and networks are
    resolved when asked for.
    """

    def __init__(self, found: Iterable[Object] = (), options: Options | None = None) -> None:
        self.version = 0
        self._options = options or Options()
        self._entries: dict[_Key, Entry] = {}
        self._parents: dict[_Key, Owner] = {}
        self._udns: set[_Key] = set()
        self._by_address: dict[str, dict[str, tuple[Entry, ...]]] = {
            "Secondary": {},
            "Pod": {},
            "Node": {},
            "Service": {},
        }
        for one in found:
            self.add(one)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, one: Object) -> None:
        """Add or replace an object; kinds that play no part are ignored.

        Raises msgspec.ValidationError when the object has not the shape of its kind.
        """
        key = (one.kind, one.metadata.namespace or "", one.metadata.name)
        fresh = (entry(one, self._options), _parent(one), one.kind in _NETWORKS)
        if fresh == (self._entries.get(key), self._parents.get(key), key in self._udns):
            return
        self.remove(*key)
        self.version += 1
        indexed, parent, is_network = fresh
        if indexed:
            self._entries[key] = indexed
            for table, text in self._claims(indexed):
                claims = (*table.get(text, ()), indexed)
                table[text] = tuple(sorted(claims, key=_claim)) if claims[1:] else claims
        if parent:
            self._parents[key] = parent
        if is_network:
            self._udns.add(key)

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Forget an object, if it is known."""
        key = (kind, namespace, name)
        gone = self._entries.pop(key, None)
        if gone or key in self._parents or key in self._udns:
            self.version += 1
        self._parents.pop(key, None)
        self._udns.discard(key)
        for table, text in self._claims(gone) if gone else ():
            left = tuple(other for other in table[text] if other is not gone)
            if left:
                table[text] = left
            else:
                del table[text]

    def lookup(
        self,
        address: str,
        climb: Climb,
        *,
        mac: str = "",
        interfaces: Iterable[str] = (),
        udns: Iterable[str] = (),
    ) -> Peer | None:
        """The object behind one end of a flow: secondary key, then pod, node, service address."""
        found = self._secondary(address, mac, interfaces, udns)
        if found:
            return self._peer(*found, climb)
        for kind in ("Pod", "Node", "Service"):
            entries = self._by_address[kind].get(address)
            if entries:
                return self._peer(entries[-1], PRIMARY, climb)
        return None

    def owner(self, found: Entry, climb: Climb) -> Owner:
        """The owner to show, after climbing; an object without owner owns itself."""
        owner = found.owner or Owner(found.kind, found.name)
        for hop in range(_HOPS):
            parent = self._parents.get((owner.kind, found.namespace, owner.name))
            if parent is None or not _climbs(owner.kind, parent.kind, climb, hop):
                break
            owner = parent
        return owner

    def label_keys(self) -> set[str]:
        """Every label key of the indexed objects."""
        return {key for one in self._entries.values() for key in one.labels}

    def annotation_keys(self) -> set[str]:
        """Every annotation key of the indexed objects (empty unless kept)."""
        return {key for one in self._entries.values() for key in one.annotations}

    def _secondary(
        self, address: str, mac: str, interfaces: Iterable[str], udns: Iterable[str]
    ) -> tuple[Entry, str] | None:
        table = self._by_address["Secondary"]
        for key in keys.flow_attachments(self._options.multus, address, mac, interfaces):
            if key in table:
                found = table[key][-1]
                return found, found.networks[key]
        for udn in udns if self._options.udn else ():
            key = keys.udn_key(udn, address)
            for found in reversed(table.get(key, ())):
                if self._network(found.networks[key]) == udn:
                    return found, udn
        return None

    def _network(self, label: str) -> str:
        """The name of a user-defined network: without namespace when it is a cluster-wide one."""
        namespace, _, name = label.partition("/")
        if ("UserDefinedNetwork", namespace, name) in self._udns:
            return label
        return name if ("ClusterUserDefinedNetwork", "", name) in self._udns else label

    def _peer(self, found: Entry, network: str, climb: Climb) -> Peer:
        node = found.node
        if not node and found.host_ip:
            hosts = self._by_address["Node"].get(found.host_ip)
            node = hosts[-1].name if hosts else ""
        host = self._entries.get(("Node", "", node))
        return Peer(
            kind=found.kind,
            namespace=found.namespace,
            name=found.name,
            owner=self.owner(found, climb),
            network=network,
            host_ip=found.host_ip,
            host_name=node if found.host_ip else "",
            zone=host.labels.get(ZONE_LABEL, "") if host else "",
            labels=found.labels,
            annotations=found.annotations,
        )

    def _claims(self, found: Entry) -> Iterator[tuple[dict[str, tuple[Entry, ...]], str]]:
        for text in found.addresses:
            yield self._by_address[found.kind], text
        for text in found.networks:
            yield self._by_address["Secondary"], text


def _parent(one: Object) -> Owner | None:
    owners = one.metadata.owner_references if one.kind in _PARENTS else None
    return owners[0] if owners else None


def _claim(found: Entry) -> tuple[tuple[bool, str], str, str]:
    return found.claim, found.namespace, found.name


def _climbs(kind: str, parent: str, climb: Climb, hop: int) -> bool:
    """Whether the owner of `kind` gives way to its own owner."""
    targets = _FURTHER.get(kind, frozenset()) if climb.further else frozenset[str]()
    if targets is None or parent in targets:
        return True
    if not climb.tracked:
        return kind == "ReplicaSet" and hop == 0
    known = kind == "ReplicaSet" or (kind == "Deployment" and kind in climb.tracked)
    return known and (kind not in climb.tracked or parent in climb.tracked)
