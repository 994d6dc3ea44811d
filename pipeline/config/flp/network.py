"""transform.network and transform.generic: a rule becomes a stage.

Source: docs/reference/transforms.md#network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import to_builtins

from pipeline.config.flp.dialect_transform import (
    DirectionInfo,
    FieldRule,
    InfraRule,
    KubernetesRule,
    LocationRule,
    Network,
    NetworkRule,
    ServiceRule,
    SubnetRule,
    Transform,
)
from pipeline.config.flp.parts import Native, Parts, filled, renamed, unknown
from pipeline.diagnostics import ConfigPath, Problem, warning

_INDEX = ["mac", "ip", "interface", "udn"]
_POLICIES = ["preserve_original_keys", "replace_keys"]
_ENDS = ("asn_label", "kubernetes", "subnet_label")
"""Stages that can process several ends of a flow at once."""

_KUBE_CONFIG = {
    "inventory": "configPath",
    "cluster": "configPath",
    "secondary_networks": "secondaryNetworks",
    "tracked_kinds": "trackedKinds",
    "cni": "managedCNI",
}
_NEEDED = ("reporterIPField", "srcHostField", "dstHostField", "flowDirectionField")


def network(transform: Transform, at: ConfigPath) -> Parts:
    """The rules in order; neighbouring rules that look up ends share one stage."""
    block, at = transform.network, (*at, "network")
    yield from _config_problems(block, at)
    natives: list[Native] = []
    for index, rule in enumerate(block.rules):
        for part in _rule(rule, block, (*at, "rules", index), at):
            if isinstance(part, Problem):
                yield part
            else:
                natives.append(part)
    yield from _joined(natives)


def generic(transform: Transform, at: ConfigPath) -> Parts:
    """The generic rules; each reads the flow as the stage received it."""
    block, at = transform.generic, (*at, "generic")
    policy = block.policy or _POLICIES[0]
    if policy not in _POLICIES:
        yield unknown("policy", policy, _POLICIES, (*at, "policy"))
        return
    yield Native("generic", {"policy": policy, "rules": to_builtins(block.rules)}, {(): at})


def _rule(rule: NetworkRule, network: Network, here: ConfigPath, at: ConfigPath) -> Parts:
    """The stage of one rule."""
    if rule.type not in _RULES:
        yield unknown("rule type", rule.type, list(_RULES), (*here, "type"))
        return
    name, build = _RULES[rule.type]
    block = getattr(rule, name) if name else network.direction_info
    if block is None:
        yield Problem(here, f'the rule {rule.type} needs "{name}"')
    elif isinstance(block, LocationRule) and not block.file_path:
        message = f'the rule {rule.type} needs "file_path": the file of a database of places'
        yield Problem((*here, name), message, "none is downloaded here")
    else:
        yield build(_Stages(network, at), block, (*here, name) if name else here)
    if isinstance(block, KubernetesRule) and block.assignee not in ("", "otel"):
        path = (*here, name, "assignee")
        yield warning(path, f'"{block.assignee}" is ignored', 'only "otel" is known')


def _joined(natives: list[Native]) -> Iterator[Native]:
    """Merges neighbours of one type that process ends of flows, if their outputs differ."""
    last: Native | None = None
    for native in natives:
        if last and native.type == last.type and native.type in _ENDS:
            ends = [*last.fields["ends"], *native.fields["ends"]]
            if len({end["output"] for end in ends}) == len(ends):
                origins = {**last.origins, ("ends", len(ends) - 1): native.origins["ends", 0]}
                last = Native(last.type, {**last.fields, "ends": ends}, origins)
                continue
        if last:
            yield last
        last = native
    if last:
        yield last


class _Stages:
    """Builds the stages of one transform.network; each method takes a block and its path."""

    def __init__(self, network: Network, at: ConfigPath) -> None:
        self._network = network
        self._at = at

    def kubernetes(self, rule: KubernetesRule, here: ConfigPath) -> Native:
        config = self._network.kube_config
        path = config.config_path
        origin: dict[str, Any] = {"inventory": path} if path else {"cluster": {}}
        fields = {
            "ends": [_end(rule)],
            **origin,
            "tracked_kinds": config.tracked_kinds,
            "secondary_networks": [
                {key.lower(): True for key in network.index if key.lower() in _INDEX}
                for network in config.secondary_networks
            ],
            "cni": config.managed_cni or ["ovn"],
        }
        origins = renamed((*self._at, "kubeConfig"), **_KUBE_CONFIG)
        return Native("kubernetes", fields, origins | {(): here, ("ends", 0): here})

    def infra(self, rule: InfraRule, here: ConfigPath) -> Native:
        fields = {
            "pairs": to_builtins(rule.pairs),
            "output": rule.output,
            "infra_prefixes": rule.infra_prefixes,
            "infra_refs": to_builtins(rule.infra_refs),
        }
        return Native("flow_layer", fields, renamed(here, pairs="namespaceNameFields"))

    def direction(self, info: DirectionInfo, here: ConfigPath) -> Native:
        fields = filled(
            reporter=info.reporter,
            source_host=info.src_host,
            destination_host=info.dst_host,
            output=info.flow_direction,
            interface_direction=info.if_direction,
        )
        return Native("direction", fields, {(): here})

    def label(self, rule: FieldRule, here: ConfigPath) -> Native:
        labels = to_builtins(self._network.subnet_labels)
        origins = renamed(self._at, labels="subnetLabels") | {(): here, ("ends", 0): here}
        return Native("subnet_label", {"labels": labels, "ends": [to_builtins(rule)]}, origins)

    def flags(self, rule: FieldRule, here: ConfigPath) -> Native:
        return Native("tcp_flags", to_builtins(rule), {(): here})

    def subnet(self, rule: SubnetRule, here: ConfigPath) -> Native:
        fields = {"input": rule.input, "output": rule.output, "mask": rule.subnet_mask}
        return Native("subnet", fields, renamed(here, mask="subnet_mask"))

    def location(self, rule: LocationRule, here: ConfigPath) -> Native:
        ends = [{"input": rule.input, "output": rule.output}]
        origins = renamed(here, file="file_path") | {("ends", 0): here}
        return Native("location", {"file": rule.file_path, "ends": ends}, origins)

    def asn(self, rule: FieldRule, here: ConfigPath) -> Native:
        path = self._network.kube_config.config_path
        origin: dict[str, Any] = {"inventory": path} if path else {"cluster": {}}
        origins = renamed((*self._at, "kubeConfig"), inventory="configPath", cluster="configPath")
        fields = {"ends": [to_builtins(rule)], **origin}
        return Native("asn_label", fields, origins | {(): here, ("ends", 0): here})

    def service(self, rule: ServiceRule, here: ConfigPath) -> Native:
        block = self._network
        files = filled(services_file=block.services_file, protocols_file=block.protocols_file)
        origins = renamed(self._at, services_file="servicesFile", protocols_file="protocolsFile")
        return Native("service_name", {**to_builtins(rule), **files}, origins | {(): here})


_RULES: dict[str, tuple[str, Callable[[_Stages, Any, ConfigPath], Native]]] = {
    "add_kubernetes": ("kubernetes", _Stages.kubernetes),
    "add_kubernetes_infra": ("kubernetes_infra", _Stages.infra),
    "reinterpret_direction": ("", _Stages.direction),
    "decode_tcp_flags": ("decode_tcp_flags", _Stages.flags),
    "add_subnet_label": ("add_subnet_label", _Stages.label),
    "add_subnet": ("add_subnet", _Stages.subnet),
    "add_service": ("add_service", _Stages.service),
    "add_location": ("add_location", _Stages.location),
    "add_asn_label": ("add_asn_label", _Stages.asn),
}
"""For each rule type, the block it needs and the method for its stage."""


def _end(rule: KubernetesRule) -> dict[str, Any]:
    labels = _copied(
        rule.labels_prefix,
        rule.label_inclusions,
        rule.label_exclusions,
        rule.label_value_max_length,
    )
    annotations = _copied(
        rule.annotations_prefix,
        rule.annotation_inclusions,
        rule.annotation_exclusions,
        rule.annotation_value_max_length,
    )
    optional = filled(
        mac=rule.mac_field,
        interfaces=rule.interfaces_field,
        udns=rule.udns_field,
        assignee="otel" if rule.assignee == "otel" else "",
        zone=rule.add_zone,
        labels=labels,
        annotations=annotations,
    )
    return {"address": rule.ip_field, "output": rule.output, **optional}


def _copied(
    prefix: str, include: list[str], exclude: list[str], longest: int | None
) -> dict[str, Any]:
    """The settings for copying labels or annotations; without a prefix, nothing is copied."""
    if not prefix:
        return {}
    limit = {} if longest is None else {"max_length": longest}
    return {"prefix": prefix, **filled(include=include, exclude=exclude), **limit}


def _config_problems(block: Network, at: ConfigPath) -> Iterator[Problem]:
    for index, secondary in enumerate(block.kube_config.secondary_networks):
        for key in secondary.index:
            if key.lower() not in _INDEX:
                path = (*at, "kubeConfig", "secondaryNetworks", index, "index", key)
                yield unknown("part of an index", key, _INDEX, path)
    info = to_builtins(block.direction_info)
    missing = [name for name in _NEEDED if not info[name]]
    if missing and any(rule.type == "reinterpret_direction" for rule in block.rules):
        message = f"reinterpret_direction needs {', '.join(missing)}"
        yield Problem((*at, "directionInfo"), message)
