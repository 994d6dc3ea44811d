"""transform.network and transform.generic (flp-semantics c): a rule becomes a stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import to_builtins

from pipeline.flp.dialect import (
    DirectionInfo,
    FieldRule,
    InfraRule,
    KubeConfig,
    KubernetesRule,
    Network,
    NetworkRule,
    ServiceRule,
    SubnetRule,
    Transform,
)
from pipeline.flp.parts import Native, Parts, filled, unknown
from pipeline.problem import Path, Problem, warning

_INDEX = ["mac", "ip", "interface", "udn"]
_CONFIG = {
    "inventory": "configPath",
    "secondary_networks": "secondaryNetworks",
    "tracked_kinds": "trackedKinds",
    "cni": "managedCNI",
}
_DIRECTION = {
    "reporter": "reporterIPField",
    "source_host": "srcHostField",
    "destination_host": "dstHostField",
    "output": "flowDirectionField",
    "interface_direction": "ifDirectionField",
}
_ENDS = ("kubernetes", "subnet_label")
"""Stages that do several ends of a flow at once."""


def network(transform: Transform, at: Path) -> Parts:
    """The rules in order; neighbouring rules that look up ends share one stage."""
    block, at = transform.network, (*at, "network")
    yield from _config_problems(block.kube_config, (*at, "kubeConfig"))
    natives: list[Native] = []
    for index, rule in enumerate(block.rules):
        for part in _rule(rule, block, (*at, "rules", index), at):
            if isinstance(part, Problem):
                yield part
            else:
                natives.append(part)
    yield from _joined(natives)


def generic(transform: Transform, at: Path) -> Parts:
    """The generic rules; every one reads the flow as it came in."""
    block, at = transform.generic, (*at, "generic")
    policies = ["preserve_original_keys", "replace_keys"]
    if block.policy and block.policy not in policies:
        yield unknown("policy", block.policy, policies, (*at, "policy"))
    rules = [
        {"input": rule.input, "output": rule.output, **filled(multiplier=rule.multiplier)}
        for rule in block.rules
    ]
    fields = {"policy": block.policy or policies[0], "rules": rules}
    yield Native("generic", fields, _below(at))


def _rule(rule: NetworkRule, block: Network, here: Path, at: Path) -> Parts:
    """The stage of one rule."""
    known: dict[str, Callable[[], Native | None]] = {
        "add_kubernetes": lambda: _kubernetes(rule.kubernetes, block.kube_config, here, at),
        "add_kubernetes_infra": lambda: _infra(rule.kubernetes_infra, here),
        "reinterpret_direction": lambda: _direction(block.direction_info, at),
        "decode_tcp_flags": lambda: _fields("tcp_flags", rule.decode_tcp_flags, here),
        "add_subnet_label": lambda: _label(rule.add_subnet_label, block, here, at),
        "add_subnet": lambda: _fields("subnet", rule.add_subnet, here),
        "add_service": lambda: _service(rule.add_service, block, here, at),
    }
    if rule.type == "add_location":
        yield Problem((*here, "type"), "the rule add_location is not supported yet")
    elif rule.type not in known:
        yield unknown("rule type", rule.type, [*known, "add_location"], (*here, "type"))
    else:
        native = known[rule.type]()
        if native is None:
            name = rule.type.removeprefix("add_") if "kubernetes" in rule.type else rule.type
            yield Problem(here, f'the rule {rule.type} needs "{name}"')
            return
        yield native
        if rule.kubernetes and rule.kubernetes.assignee not in ("", "otel"):
            path = (*here, "kubernetes", "assignee")
            yield warning(path, f'"{rule.kubernetes.assignee}" is ignored: only "otel" is known')


def _joined(natives: list[Native]) -> Iterator[Native]:
    """Neighbours of one type that do ends of flows become one stage, if their outputs differ."""
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


def _kubernetes(
    rule: KubernetesRule | None, config: KubeConfig, here: Path, at: Path
) -> Native | None:
    if rule is None:
        return None
    fields = {
        "ends": [_end(rule)],
        "inventory": config.config_path,
        "tracked_kinds": config.tracked_kinds,
        "secondary_networks": [
            dict.fromkeys([key.lower() for key in network.index if key.lower() in _INDEX], True)
            for network in config.secondary_networks
        ],
        "cni": ["ovn"] if config.managed_cni is None else config.managed_cni,
    }
    origins: dict[Path, Path] = {
        (native,): (*at, "kubeConfig", written) for native, written in _CONFIG.items()
    }
    return Native("kubernetes", fields, origins | {(): here, ("ends", 0): (*here, "kubernetes")})


def _end(rule: KubernetesRule) -> dict[str, Any]:
    return {
        "address": rule.ip_field,
        "output": rule.output,
        **filled(
            mac=rule.mac_field,
            interfaces=rule.interfaces_field,
            udns=rule.udns_field,
            assignee="otel" if rule.assignee == "otel" else "",
            zone=rule.add_zone,
            labels=_copied(
                rule.labels_prefix,
                rule.label_inclusions,
                rule.label_exclusions,
                rule.label_value_max_length,
            ),
            annotations=_copied(
                rule.annotations_prefix,
                rule.annotation_inclusions,
                rule.annotation_exclusions,
                rule.annotation_value_max_length,
            ),
        ),
    }


def _copied(
    prefix: str, include: list[str], exclude: list[str], longest: int | None
) -> dict[str, Any]:
    if not prefix:
        return {}
    limit = {} if longest is None else {"max_length": longest}
    return {"prefix": prefix, **filled(include=include, exclude=exclude), **limit}


def _config_problems(config: KubeConfig, at: Path) -> Iterator[Problem]:
    for index, network in enumerate(config.secondary_networks):
        for key in network.index:
            if key.lower() not in _INDEX:
                path = (*at, "secondaryNetworks", index, "index")
                yield unknown("part of an index", key, _INDEX, path)


def _infra(rule: InfraRule | None, here: Path) -> Native | None:
    if rule is None:
        return None
    at = (*here, "kubernetes_infra")
    fields = {
        "pairs": to_builtins(rule.pairs),
        "output": rule.output,
        "infra_prefixes": rule.infra_prefixes,
        "infra_refs": to_builtins(rule.infra_refs),
    }
    return Native("flow_layer", fields, {(): at, ("pairs",): (*at, "namespaceNameFields")})


def _direction(info: DirectionInfo, at: Path) -> Native:
    fields = {
        "reporter": info.reporter,
        "source_host": info.src_host,
        "destination_host": info.dst_host,
        "output": info.flow_direction,
        "interface_direction": info.if_direction,
    }
    where = (*at, "directionInfo")
    origins: dict[Path, Path] = {
        (native,): (*where, written) for native, written in _DIRECTION.items()
    }
    return Native("direction", fields, origins | {(): where})


def _label(rule: FieldRule | None, block: Network, here: Path, at: Path) -> Native | None:
    if rule is None:
        return None
    fields = {"labels": to_builtins(block.subnet_labels), "ends": [to_builtins(rule)]}
    origins: dict[Path, Path] = {
        (): here,
        ("labels",): (*at, "subnetLabels"),
        ("ends", 0): (*here, "add_subnet_label"),
    }
    return Native("subnet_label", fields, origins)


def _fields(kind: str, rule: FieldRule | None, here: Path) -> Native | None:
    """A stage of fields that are called the same here and there, but for the mask."""
    if rule is None:
        return None
    fields = {"input": rule.input, "output": rule.output}
    if isinstance(rule, SubnetRule):
        fields["mask"] = rule.subnet_mask
        return Native(kind, fields, _below((*here, "add_subnet"), mask="subnet_mask"))
    return Native(kind, fields, _below((*here, "decode_tcp_flags")))


def _service(rule: ServiceRule | None, block: Network, here: Path, at: Path) -> Native | None:
    if rule is None:
        return None
    fields = {
        "input": rule.input,
        "output": rule.output,
        "protocol": rule.protocol,
        **filled(services_file=block.services_file, protocols_file=block.protocols_file),
    }
    files = _below(at, services_file="servicesFile", protocols_file="protocolsFile")
    return Native("service_name", fields, files | {(): (*here, "add_service")})


def _below(at: Path, **renamed: str) -> dict[Path, Path]:
    """Origins of a stage whose fields are below `at`, those in `renamed` under another name."""
    return {(): at} | {(native,): (*at, written) for native, written in renamed.items()}
