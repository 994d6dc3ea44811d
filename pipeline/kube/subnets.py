"""Subnet labels derived from Kubernetes objects.

Source: docs/reference/kubernetes.md#subnet-labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from pipeline.diagnostics import ConfigError, Problem, warning
from pipeline.flows import cidr
from pipeline.flows.cidr import Network
from pipeline.flows.prefix_table import PrefixTable
from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object
from pipeline.kube.index.keys import api_address
from pipeline.yaml import kubernetes

MACHINES, PODS, SERVICES, EXTERNAL = "Machines", "Pods", "Services", "EXT:ExternalIP"
_OVN = "OVNKubernetes"
_OVN_DEFAULTS: dict[tuple[str, ...], str] = {
    ("ipv4", "internalJoinSubnet"): "100.64.0.0/16",
    ("ipv4", "internalTransitSwitchSubnet"): "100.88.0.0/16",
    ("gatewayConfig", "ipv4", "internalMasqueradeSubnet"): "169.254.0.0/17",
    ("ipv6", "internalJoinSubnet"): "",
    ("ipv6", "internalTransitSwitchSubnet"): "",
    ("gatewayConfig", "ipv6", "internalMasqueradeSubnet"): "",
}
"""OVN-Kubernetes' internal networks: the paths in the operator's Network, and the defaults."""

_OLDER: dict[tuple[str, ...], tuple[str, ...]] = {
    ("ipv4", "internalJoinSubnet"): ("v4InternalSubnet",),
    ("ipv6", "internalJoinSubnet"): ("v6InternalSubnet",),
}
_LABEL_NAME = re.compile(r"[a-zA-Z_:-][a-zA-Z0-9_:-]*")
_KINDS = frozenset({"Network", "ConfigMap", "Node", "ServiceCIDR"})


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name for networks; several labels may share a name."""

    name: str
    cidrs: list[str]


class Described(NamedTuple):
    """The labels derived from objects, and their problems."""

    labels: list[Label]
    problems: list[Problem]


def listed(labels: Iterable[Label]) -> Iterator[tuple[Network, str]]:
    """The networks of labels with their names, in list order."""
    for label in labels:
        for text in label.cidrs:
            net = cidr.network(text)
            if net:
                yield net, label.name


def described(found: Iterable[Object], problems: list[Problem]) -> list[Label]:
    """The labels of a cluster's objects: those of its FlowCollector, then autodetected ones.

    The FlowCollector may switch autodetection off (`openShiftAutoDetect` or `autoDetect: false`);
    without one, it is on. A label that is not valid is left out, with a warning in `problems`.
    """
    kept = list(found)
    collectors = [_spec(obj) for obj in kept if obj.kind == "FlowCollector"]
    labels: list[Label] = []
    for custom in _walk(collectors, "processor", "subnetLabels", "customLabels"):
        name = next(iter(_texts(custom, "name")), "")
        cidrs = list(_valid(name, _texts(custom, "cidrs"), problems))
        if not _LABEL_NAME.fullmatch(name):
            problems.append(
                warning((), f'FlowCollector: "{name}" is not a valid name of a subnet label')
            )
        elif cidrs:
            labels.append(Label(name, cidrs))
    wanted = [
        switch
        for spelling in ("openShiftAutoDetect", "autoDetect")
        for switch in _walk(collectors, "processor", "subnetLabels", spelling)
    ]
    return labels if False in wanted else [*labels, *autodetected(kept, problems)]


def reduced(obj: Object) -> Object:
    """A Node or ServiceCIDR, reduced to the parts that labels are derived from."""
    spec = {"podCIDRs": _texts(_spec(obj), "podCIDRs"), "cidrs": _texts(_spec(obj), "cidrs")}
    internal = _internal_ips(obj) if obj.kind == "Node" else []
    addresses = [{"type": "InternalIP", "address": ip} for ip in internal]
    metadata = {"name": obj.metadata.name}
    status = {"addresses": addresses}
    return objects.of({"kind": obj.kind, "metadata": metadata, "spec": spec, "status": status})


def matters(obj: Object) -> bool:
    """Whether labels are derived from an object."""
    return obj.kind in _KINDS or _is_endpoints(obj)


def autodetected(found: Iterable[Object], problems: list[Problem]) -> list[Label]:
    """The labels Machines, Pods, Services and EXT:ExternalIP, in this order, without empty ones.

    The networks come from OpenShift's objects (ConfigMap cluster-config-v1, both Networks called
    cluster); on other clusters they come from kubeadm-config, ServiceCIDRs and Nodes. Addresses of
    the API server outside Machines and Services are added to Services. A value that cannot be read
    is left out, with a warning in `problems`.
    """
    kept = [obj for obj in found if matters(obj)]
    networks = [obj for obj in kept if obj.kind == "Network"]
    config = [_spec(obj) for obj in networks if not _is_operators(obj)]
    operator = [_spec(obj) for obj in networks if _is_operators(obj)]
    install = _settings(kept, "cluster-config-v1", "install-config", problems)
    if install or networks:
        machines = _texts(install, "networking", "machineNetwork", "cidr")
        machines += _internal(config, operator)
        pods = _texts(config, "clusterNetwork", "cidr")
        services = _texts(config, "serviceNetwork")
    else:
        kubeadm = _settings(kept, "kubeadm-config", "ClusterConfiguration", problems)
        nodes = [obj for obj in kept if obj.kind == "Node"]
        ranges = [_spec(obj) for obj in kept if obj.kind == "ServiceCIDR"]
        machines = [_host(ip) for obj in nodes for ip in _internal_ips(obj)]
        pods = _split(_texts(kubeadm, "networking", "podSubnet"))
        pods = pods or [text for obj in nodes for text in _texts(_spec(obj), "podCIDRs")]
        services = _split(_texts(kubeadm, "networking", "serviceSubnet")) or _texts(ranges, "cidrs")
    taken = PrefixTable(listed([Label(MACHINES, machines), Label(SERVICES, services)]))
    for obj in kept:
        for text in _api_server(obj):
            ip = cidr.address(api_address(text))
            if ip and not taken.first(ip):
                services = [*services, _host(text)]
    external = _texts(config, "externalIP", "autoAssignCIDRs")
    named = {MACHINES: machines, PODS: pods, SERVICES: services, EXTERNAL: external}
    return [
        Label(name, valid)
        for name, cidrs in named.items()
        if (valid := list(_valid(name, cidrs, problems)))
    ]


def _internal(config: list[Any], operator: list[Any]) -> list[str]:
    """OVN-Kubernetes' internal networks; empty with another network plugin."""
    types = _texts(operator, "defaultNetwork", "type") + _texts(config, "networkType")
    if any(plugin != _OVN for plugin in types):
        return []
    at = ("defaultNetwork", "ovnKubernetesConfig")
    found = [
        (_texts(operator, *at, *path) or _texts(operator, *at, *_OLDER.get(path, path)) or [usual])
        for path, usual in _OVN_DEFAULTS.items()
    ]
    return [text for texts in found for text in texts if text]


def _is_endpoints(obj: Object) -> bool:
    """Whether an object has endpoints of the Service default/kubernetes."""
    if obj.metadata.namespace not in (None, "", "default"):
        return False
    if obj.kind == "Endpoints":
        return obj.metadata.name == "kubernetes"
    labels = obj.metadata.labels or {}
    return obj.kind == "EndpointSlice" and labels.get(objects.SERVICE_NAME) == "kubernetes"


def _api_server(obj: Object) -> list[str]:
    """The addresses of the endpoints of the Service default/kubernetes."""
    if not _is_endpoints(obj):
        return []
    if obj.kind == "Endpoints":
        return _texts(msgspec.json.decode(obj.subsets), "addresses", "ip")
    return _texts(msgspec.json.decode(obj.endpoints), "addresses")


def _internal_ips(node: Object) -> list[str]:
    addresses = _walk(msgspec.json.decode(node.status), "addresses")
    return [
        ip
        for address in addresses
        if "InternalIP" in _texts(address, "type")
        for ip in _texts(address, "address")
    ]


def _settings(kept: Iterable[Object], name: str, key: str, problems: list[Problem]) -> Any:
    """The first YAML document under a key of a ConfigMap; None when it cannot be read."""
    maps = (obj for obj in kept if obj.kind == "ConfigMap" and obj.metadata.name == name)
    texts = [text for obj in maps for text in _texts(msgspec.json.decode(obj.data), key)]
    try:
        documents = list(kubernetes.documents(texts[0], key)) if texts else []
    except ConfigError as error:
        for found in error.problems:
            message = f"ConfigMap {name}, {found.place}: {found.problem.message}"
            problems.append(warning((), message))
        return None
    return documents[0].data if documents else None


def _valid(name: str, cidrs: Iterable[str], problems: list[Problem]) -> Iterator[str]:
    for text in dict.fromkeys(cidrs):
        if cidr.network(text):
            yield text
        else:
            problems.append(
                warning((), f'label "{name}" of the cluster: "{text}" is not a valid CIDR')
            )


def _spec(obj: Object) -> Any:
    return msgspec.json.decode(obj.spec)


def _is_operators(obj: Object) -> bool:
    """Whether a Network is the operator's configuration, and not the cluster's."""
    if obj.api_version:
        return obj.api_version.startswith("operator.")
    return bool(list(_walk(_spec(obj), "defaultNetwork")))


def _walk(value: Any, *path: str) -> Iterator[Any]:
    """The values at a path, for every element of the lists on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, *path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _walk(value[path[0]], *path[1:])


def _texts(value: Any, *path: str) -> list[str]:
    return [found for found in _walk(value, *path) if isinstance(found, str)]


def _split(texts: Iterable[str]) -> list[str]:
    return [part.strip() for text in texts for part in text.split(",")]


def _host(text: str) -> str:
    """The network of one address in canonical form; another text just gets the prefix length."""
    ip = api_address(text) or text
    return f"{ip}/128" if ":" in ip else f"{ip}/32"
