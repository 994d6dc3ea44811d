"""The texts that find an object: its addresses and its keys in secondary networks.

Source: docs/reference/kubernetes.md#indexed-addresses,
docs/reference/kubernetes.md#secondary-networks.
An annotation that cannot be read gives no keys, as in the original.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import msgspec

from pipeline.flows import cidr
from pipeline.kube.api.objects import Fields, Spec, Status

_LEADING_ZEROS = re.compile(r"\b0+(?=[0-9a-fA-F])")
NODE_SUBNETS = "k8s.ovn.org/node-subnets"
POD_NETWORKS = "k8s.ovn.org/pod-networks"
NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status"


class Secondary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parts of an attachment to a secondary network that form the key of its pod."""

    mac: bool = False
    ip: bool = False
    interface: bool = False
    udn: bool = False

    @property
    def multus(self) -> bool:
        """Whether attachments (network-status) are indexed, and not only user-defined networks."""
        return self.mac or self.ip or self.interface


class Attachment(msgspec.Struct, frozen=True):
    """One element of the network-status annotation."""

    name: str = ""
    interface: str = ""
    ips: list[str] = []
    mac: str = ""
    default: bool = False


class PodNetwork(msgspec.Struct, frozen=True):
    """One value of the pod-networks annotation; of a dual-stack pod only `ip_addresses` is set."""

    ip_address: str = ""
    ip_addresses: list[str] = []


_statuses = msgspec.json.Decoder(list[Attachment]).decode
_networks = msgspec.json.Decoder(dict[str, PodNetwork]).decode
_subnets = msgspec.json.Decoder(dict[str, str | list[str]]).decode


@lru_cache(1024)  # pods say their own address twice, and that of their node as often
def api_address(text: str) -> str:
    """An address of an object in canonical form; empty when the text is not an address.

    It may have a zone, a prefix length (annotations) and leading zeros, which the API reads as
    decimal.
    """
    bare = text.partition("/")[0].partition("%")[0]
    found = cidr.address(_LEADING_ZEROS.sub("", bare))
    return str(found) if found else ""


def _api_addresses(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(api_address, texts))))


def pod_addresses(spec: Spec, status: Status) -> tuple[str, ...]:
    """The pod's own addresses. Those of a pod on the host network belong to its node."""
    if spec.host_network:
        return ()
    listed = [pod.ip for pod in status.pod_ips or ()] or [status.pod_ip or ""]
    hosts = {api_address(host.ip) for host in status.host_ips or ()} | {host_address(status)}
    return tuple(ip for ip in _api_addresses(listed) if ip not in hosts)


def host_address(status: Status) -> str:
    """The address of a pod's node, empty while the pod is not scheduled."""
    return api_address(status.host_ip or "")


def service_addresses(spec: Spec) -> tuple[str, ...]:
    """Cluster addresses; empty for a headless service, whose address is "None"."""
    return _api_addresses(spec.cluster_ips or [spec.cluster_ip or ""])


def node_addresses(status: Status) -> tuple[str, ...]:
    """Every address in `status.addresses`; host names are left out."""
    return _api_addresses(item.address for item in status.addresses or ())


def management_addresses(annotations: Fields) -> tuple[str, ...]:
    """The addresses of OVN's mp0 port, the source of probes: the node's subnets + 2.

    Only the first subnet of each address family is used.
    """
    try:
        subnets = _subnets(annotations.get(NODE_SUBNETS, "{}")).get("default", ())
        listed = [subnets] if isinstance(subnets, str) else subnets
        parsed = [ipaddress.ip_interface(text) for text in listed]
        first = {one.version: str(one.ip + 2) for one in reversed(parsed)}
    except (ValueError, RecursionError):
        return ()
    return tuple(first[version] for version in (4, 6) if version in first)


def attachment_key(interface: str, ip: str, mac: str) -> str:
    """The key of an attachment; parts that are not indexed are empty."""
    return f"{interface}~{ip}~{mac.lower()}"


def udn_key(network: str, ip: str) -> str:
    """The key of an address within a user-defined network."""
    return f"{network}~{ip}"


def pod_attachments(annotations: Fields, indexed: Sequence[Secondary]) -> Iterator[tuple[str, str]]:
    """Pairs of key and network name from network-status, of attachments with all parts."""
    try:
        attachments = _statuses(annotations.get(NETWORK_STATUS, "[]"))
    except (msgspec.DecodeError, RecursionError):
        return
    for attachment in attachments:
        for parts in () if attachment.default else indexed:
            interfaces = [attachment.interface] if parts.interface else None
            for key in _keys(parts, _api_addresses(attachment.ips), attachment.mac, interfaces):
                yield key, attachment.name


def pod_networks(annotations: Fields) -> Iterator[tuple[str, str]]:
    """Pairs of key and network from pod-networks: for `namespace/name`, and for `name` alone.

    The index knows whether a network is cluster-wide, and so which of the two is right.
    """
    try:
        networks = _networks(annotations.get(POD_NETWORKS, "{}"))
    except (msgspec.DecodeError, RecursionError):
        return
    for label, network in networks.items():
        listed = [network.ip_address, *network.ip_addresses] if label != "default" else []
        for ip in _api_addresses(listed):
            yield udn_key(label, ip), label
            if "/" in label:
                yield udn_key(label.split("/", 1)[1], ip), label


def flow_attachments(
    indexed: Sequence[Secondary], address: str, mac: str, interfaces: Iterable[str]
) -> Iterator[str]:
    """The keys that may find the end of a flow, in the order to try them.

    `address` is in canonical form.
    """
    names = list(interfaces)
    for parts in indexed:
        yield from _keys(parts, [address], mac, names if parts.interface else None)


def _keys(
    parts: Secondary, ips: Sequence[str], mac: str, interfaces: Sequence[str] | None
) -> Iterator[str]:
    if parts.mac and not mac:
        return
    for interface in [""] if interfaces is None else filter(None, interfaces):
        for ip in filter(None, ips) if parts.ip else [""]:
            yield attachment_key(interface, ip, mac if parts.mac else "")
