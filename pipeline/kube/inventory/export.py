"""The content of an index, with former holders of addresses, as Kubernetes objects, and back.

Times that Kubernetes does not have are annotations. An object got its addresses between SINCE and
SEEN; if it has ended, it had them until UNTIL. A missing annotation, or a SINCE of 1970, means
"unknown". Keys of secondary networks that a pod got later have their own times (GAINED, a JSON
object of times by key). A former holder lists the addresses that it had (RELEASED, separated by
spaces) and has the time of their release in `metadata.deletionTimestamp`; its own deletion
timestamp is then in DELETED.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pipeline.kube.api.objects import Object, Owner
from pipeline.kube.index import keys
from pipeline.kube.index.entries import DeclaredPort, Entry, IndexOptions, moment
from pipeline.kube.index.history import FormerHolder
from pipeline.kube.index.index import Index
from pipeline.kube.index.kept import IndexDump, Key, kept
from pipeline.kube.subnets import Label
from pipeline.kube.sync.index import FURTHER, NETWORKS, RESOURCES
from pipeline.yaml.validate import in_words

SINCE, SEEN, UNTIL = "flowmatrix/since", "flowmatrix/seen", "flowmatrix/until"
GAINED, RELEASED = "flowmatrix/gained", "flowmatrix/released"
DELETED = "flowmatrix/deleted"
_OURS = frozenset({SINCE, SEEN, UNTIL, GAINED, RELEASED, DELETED})
_VERSIONS = {one.kind: one.version for one in (*RESOURCES, *FURTHER, *NETWORKS)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Manifest = dict[str, Any]


def manifests(dump: IndexDump) -> Iterator[Manifest]:
    """The objects from which `restore` makes an equal index, with the same options."""
    for key in sorted(dump.networks):
        yield _head(key)
    for key, owner in dump.parents.items():
        yield _head(key, owner)
    for entry in dump.entries.values():
        yield _manifest(entry, dump)
    past: dict[tuple[int, int], list[FormerHolder]] = {}
    for one in dump.past:
        past.setdefault((id(one.entry), one.until), []).append(one)
    for texts in past.values():
        found = _manifest(texts[0].entry, dump)
        deleted = found["metadata"].get("deletionTimestamp")
        found["metadata"]["deletionTimestamp"] = _time(texts[0].until)
        noted = found["metadata"].setdefault("annotations", {})
        if deleted:
            noted[DELETED] = deleted
        noted[RELEASED] = " ".join(one.text for one in texts)
        yield found


def labelled(labels: Iterable[Label]) -> Manifest:
    """A FlowCollector with exactly these subnet labels."""
    custom = msgspec.to_builtins(list(labels))
    subnets = {"openShiftAutoDetect": False, "customLabels": custom}
    return {
        "apiVersion": "flows.netobserv.io/v1beta2",
        "kind": "FlowCollector",
        "metadata": {"name": "cluster"},
        "spec": {"processor": {"subnetLabels": subnets}},
    }


def is_past(one: Manifest) -> bool:
    """Whether an object is a former holder of addresses."""
    return RELEASED in one["metadata"].get("annotations", {})


def restore(index: Index, one: Object) -> None:
    """Add an object of a file to the index, with the times that `manifests` wrote.

    Raises msgspec.ValidationError when the object does not have the shape of its kind, or a
    time is not valid.
    """
    noted = one.metadata.annotations or {}
    if _OURS.isdisjoint(noted):
        index.add(one)
        return
    index.timed = True
    own = {name: text for name, text in noted.items() if name not in _OURS}
    released = one.metadata.deletion_timestamp or ""
    deleted = noted.get(DELETED) if RELEASED in noted else released
    metadata = msgspec.structs.replace(
        one.metadata, annotations=own, deletion_timestamp=deleted or None
    )
    fresh = kept(msgspec.structs.replace(one, metadata=metadata), index.options)
    if entry := fresh.entry:
        entry.since, entry.seen, entry.until = (_read(noted, n) for n in (SINCE, SEEN, UNTIL))
        entry.gained = _gained(noted)
    if RELEASED not in noted:
        index.put((one.kind, metadata.namespace or "", metadata.name), fresh, 0)
    elif entry:
        until = _read({"deletionTimestamp": released}, "deletionTimestamp")
        for text in noted[RELEASED].split():
            index.remember(FormerHolder(text, until, entry))


def _head(key: Key, owner: Owner | None = None) -> Manifest:
    kind, namespace, name = key
    found: Manifest = {"apiVersion": _VERSIONS[kind], "kind": kind, "metadata": {"name": name}}
    if namespace:
        found["metadata"]["namespace"] = namespace
    if owner:
        found["metadata"]["ownerReferences"] = [
            {"kind": owner.kind, "name": owner.name, "controller": True}
        ]
    return found


def _manifest(entry: Entry, dump: IndexDump) -> Manifest:
    found = _head((entry.kind, entry.namespace, entry.name), entry.owner)
    times = {SINCE: entry.since, SEEN: entry.seen, UNTIL: entry.until} if dump.timed else {}
    annotations = {
        **entry.annotations,
        **dict(entry.noted),
        **{name: _time(ms) for name, ms in times.items() if ms or name == SINCE},
    }
    if dump.timed and entry.gained:
        gained = {key: _time(ms) for key, ms in entry.gained.items()}
        annotations[GAINED] = msgspec.json.encode(gained).decode()
    metadata = {
        "creationTimestamp": entry.created,
        "deletionTimestamp": entry.deleted,
        "labels": entry.labels,
        "annotations": annotations,
    }
    found["metadata"] |= {name: value for name, value in metadata.items() if value}
    return found | _addresses(entry, dump.options)


def _addresses(entry: Entry, options: IndexOptions) -> Manifest:
    """`spec` and `status`. The types of a node's addresses are unknown."""
    ports = [_port(entry.kind, one) for one in entry.ports]
    if entry.kind == "Service":
        said = {"clusterIPs": entry.addresses, "selector": entry.selector, "ports": ports}
        service = {name: value for name, value in said.items() if value}
        return {"spec": service} if service else {}
    if entry.kind == "Node":
        derived = keys.management_addresses(dict(entry.noted)) if "ovn" in options.cni else ()
        own = entry.addresses[: len(entry.addresses) - len(derived)]
        return {"status": {"addresses": [{"address": ip} for ip in own]}}
    status = {
        "phase": "Succeeded" if entry.ended else "Running",
        "hostIP": entry.host_ip,
        "podIPs": [{"ip": ip} for ip in entry.addresses],
    }
    spec: Manifest = {"nodeName": entry.node} if entry.node else {}
    spec |= {"hostNetwork": True} if entry.host_network else {}
    spec |= {"containers": list(_containers(entry))} if ports else {}
    return ({"spec": spec} if spec else {}) | {
        "status": {name: value for name, value in status.items() if value}
    }


def _containers(entry: Entry) -> Iterator[Manifest]:
    """Containers with the ports of a pod; each that is probed has one of its own."""
    for one in entry.ports:
        probe = {"readinessProbe": {"tcpSocket": {"port": one.number}}} if one.probed else {}
        yield {"ports": [_port(entry.kind, one)], **probe}


def _port(kind: str, one: DeclaredPort) -> Manifest:
    own, host = ("port", "nodePort") if kind == "Service" else ("containerPort", "hostPort")
    found = {"name": one.name, own: one.number, "protocol": one.protocol}
    found |= {"targetPort": one.target, host: one.host}
    return {name: value for name, value in found.items() if value}


def _time(ms: int) -> str:
    text = (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _read(texts: Mapping[str, str], name: str) -> int:
    """A time in ms, 0 when it is missing. Raises msgspec.ValidationError."""
    if name not in texts:
        return 0
    try:
        return moment(texts[name])
    except ValueError:
        raise msgspec.ValidationError(f'{name}: "{texts[name]}" is not a time') from None


def _gained(texts: Mapping[str, str]) -> dict[str, int] | None:
    """Times in ms by key, None when they are missing. Raises msgspec.ValidationError."""
    if GAINED not in texts:
        return None
    try:
        found = msgspec.json.decode(texts[GAINED], type=dict[str, str])
    except msgspec.DecodeError as error:
        raise msgspec.ValidationError(f"{GAINED}: {in_words(error)}") from None
    named = {f"{GAINED} of {key}": text for key, text in found.items()}
    return dict(zip(found, (_read(named, name) for name in named), strict=True))
