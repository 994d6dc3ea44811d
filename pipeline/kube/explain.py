"""Why an address means what it means: for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pipeline.flows import cidr
from pipeline.kube.index import keys
from pipeline.kube.index.entries import Entry, Standing
from pipeline.kube.index.index import PRIMARY, Index
from pipeline.kube.index.owners import Climb

Line = tuple[str, str]
"""A title and a text."""


def holder(index: Index, address: str, at: int | None) -> int | None:
    """Which of the index's periods of an address holds at a time (ms; None: now), if one does."""
    periods = index.periods(cidr.canonical(address))
    meant = [i for i, (period, _) in enumerate(periods) if at is None or period.since <= at]
    return meant[-1] if meant else None


def explain(index: Index, address: str, climb: Climb, at: int | None) -> Iterator[Line]:
    """The object behind an address at a time (ms; None: now), and which rule led to it."""
    address = cidr.canonical(address)
    periods = index.periods(address)
    number = holder(index, address, at)
    if number is None:
        yield "object", "none: no pod, node or service has this address"
        return
    entry, network = periods[number][0].entry, periods[number][1]
    peer = index.peer(entry, network, climb)
    yield "object", _title(entry)
    yield "because", _why(entry, address, network)
    if at is not None and not number and entry.since > at:
        yield "but", f"it has that address since {_time(entry.since)}; who had it before is unknown"
    chain = [f"{owner.kind} {owner.name}" for owner in index.owners(entry, climb)]
    own = entry.owner is None
    yield "owner", "itself" if own else chain[-1]
    if len(chain) > 1:
        yield "chain", " <- ".join([entry.name, *chain])
    if peer.host_name and entry.kind != "Node":
        yield "node", f"{peer.host_name} ({peer.host_ip})"
    if peer.zone:
        yield "zone", peer.zone
    if entry.labels:
        yield "labels", ", ".join(f"{key}={value}" for key, value in sorted(entry.labels.items()))
    guests = sorted(f"{one.namespace}/{one.name}" for one in index.guests(entry))
    if guests:
        yield "host network", f"pods that appear as this node: {', '.join(guests)}"
    yield from _others(index, address, entry, [period for period, _ in periods], number)


def _others(
    index: Index, address: str, entry: Entry, periods: list[tuple[int, Entry]], number: int
) -> Iterator[Line]:
    """Whoever else has, or had, the address."""
    shown = {id(entry)}
    for i, (since, other) in enumerate(periods):
        if i == number:
            continue
        shown.add(id(other))
        until = f"before {_time(periods[i + 1][0])}" if i < number else f"from {_time(since)} on"
        yield "otherwise", f"{_title(other)}, {until}"
    for other in index.claimants(address):
        if id(other) not in shown:
            yield "hidden", f"{_title(other)} {_rank(other)}"


def _why(entry: Entry, address: str, network: str) -> str:
    if network != PRIMARY:
        return f"its address in the secondary network {network}"
    if entry.kind == "Pod":
        ended = "; it has ended" if entry.ended else ""
        return f"a pod's own address (status.podIPs){ended}"
    if entry.kind == "Service":
        return "a cluster address (spec.clusterIPs)"
    if address in keys.management_addresses(dict(entry.noted)):
        return f"OVN's mp0 port: the node's subnet + 2 (annotation {keys.NODE_SUBNETS})"
    return "an address of the node (status.addresses)"


def _rank(entry: Entry) -> str:
    if entry.standing is Standing.LIVING:
        return "claims it too: pods come before nodes, then services"
    state = "has ended" if entry.ended else "is being deleted"
    return f"had it too, and {state}: what lives comes first"


def _title(entry: Entry) -> str:
    return " ".join([entry.kind, "/".join(filter(None, (entry.namespace, entry.name)))])


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
