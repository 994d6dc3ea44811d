"""A reading of simulations that shares nothing with what wrote them."""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import recordings
from tests.support.records import message_class

Counts = dict[str, Counter[tuple[str, ...]]]


def _messages(path: Path) -> Iterator[Any]:
    record = message_class()
    return (record.FromString(message) for message in recordings.messages(path))


@pytest.fixture
def messages() -> Callable[[Path], list[Any]]:
    """The protobuf messages of a recording."""
    return lambda path: list(_messages(path))


def _owners(inventory: Path) -> dict[str, tuple[str, str, str]]:
    """Address -> namespace, workload, kind."""
    text = inventory.read_text()
    objects = json.loads(text)["items"] if inventory.suffix == ".json" else yaml.safe_load_all(text)
    found, parents = {}, {}
    for one in objects:
        kind, meta = one["kind"], one["metadata"]
        if kind == "ReplicaSet":
            parents[meta["namespace"], meta["name"]] = meta["ownerReferences"][0]
        if kind == "Node":
            base = json.loads(meta["annotations"]["k8s.ovn.org/node-subnets"])["default"][0]
            management = ipaddress.ip_network(base).network_address + 2
            for address in (one["status"]["addresses"][0]["address"], str(management)):
                found[address] = ("", meta["name"], "Node")
        if kind == "Service":
            found[one["spec"]["clusterIP"]] = (meta["namespace"], meta["name"], "Service")
        if kind == "Pod":
            owner = meta["ownerReferences"][0]
            owner = parents.get((meta["namespace"], owner["name"]), owner)
            found[one["status"]["podIP"]] = (meta["namespace"], owner["name"], owner["kind"])
    return found


def _recount(recording: Path, inventory: Path, config: Path) -> Counts:
    owners = _owners(inventory)
    stages = {stage["type"]: stage for stage in yaml.safe_load(config.read_text())["stages"]}
    networks = [
        (label["name"], ipaddress.ip_network(cidr))
        for label in stages["subnet_label"]["labels"]
        for cidr in label["cidrs"]
    ]

    def end(number: int) -> tuple[str, ...]:
        address = ipaddress.ip_address(number)
        label = next((name for name, network in networks if address in network), "")
        return *owners.get(str(address), ("", "", "")), label

    counts: Counts = {"syn": Counter(), "bytes": Counter()}
    for message in _messages(recording):
        src = end(message.network.src_addr.ipv4)
        dst = end(message.network.dst_addr.ipv4)
        transport = message.transport
        if transport.protocol == 6 and message.flags & 2:
            counts["syn"][*src, *dst, str(transport.dst_port)] += 1
        counts["bytes"][*src, *dst, str(transport.protocol)] += message.bytes
    return counts


@pytest.fixture
def recount() -> Callable[[Path, Path, Path], Counts]:
    """Recording, inventory and native pipeline -> counts, flow by flow.

    Keys: namespace, workload, kind, label of the source, then of the destination, then the port
    (syn) or the protocol (bytes).
    """
    return _recount
