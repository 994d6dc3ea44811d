"""What is wrong with a NetworkPolicy, as the API server refuses it.

Source: the validation of Kubernetes 1.34 (pkg/apis/networking/validation). Unknown fields are
refused too, as `kubectl apply` has the server do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.flows import cidr
from pipeline.yaml import validate
from pipeline.yaml.object_names import is_name, is_namespace
from policy.networkpolicy import Direction, Document, IpBlock, Peer, Port, Spec, given
from policy.selectors import LabelSelector, Operator

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_PORT_NAME = re.compile(r"(?!.*--)(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_LAST_PORT = 65535


def problems(data: object) -> list[Problem]:
    """All for which a NetworkPolicy (plain data) is refused, with paths inside it."""
    try:
        document = validate.convert(data, Document)
    except msgspec.ValidationError:
        return list(validate.problems(data, Document))
    return [*_metadata(document.metadata), *_checked(document.spec or Spec())]


def _metadata(meta: dict[str, object]) -> Iterator[Problem]:
    if meta.get("name") is None:
        yield Problem(("metadata",), 'missing field "name"')
    for field, is_valid in (("name", is_name), ("namespace", is_namespace)):
        value = meta.get(field)
        if value is not None and not is_valid(value):
            yield Problem(("metadata", field), f'"{value}" is not a valid {field}')


def _checked(spec: Spec) -> Iterator[Problem]:
    if spec.pod_selector:
        yield from _selector(spec.pod_selector, ("spec", "podSelector"))
    if len(spec.policy_types or ()) > len(Direction):
        yield Problem(("spec", "policyTypes"), "more than two policy types")
    for direction, rules in given(spec):
        side = "from" if direction is Direction.INGRESS else "to"
        for number, rule in enumerate(rules):
            path: ConfigPath = ("spec", direction.value.lower(), number)
            for index, port in enumerate(rule.ports or ()):
                yield from _port(port, (*path, "ports", index))
            for index, peer in enumerate(rule.peers or ()):
                yield from _peer(peer, (*path, side, index))


def _peer(peer: Peer, path: ConfigPath) -> Iterator[Problem]:
    selectors = {"podSelector": peer.pod_selector, "namespaceSelector": peer.namespace_selector}
    given = {name: one for name, one in selectors.items() if one is not None}
    for name, one in given.items():
        yield from _selector(one, (*path, name))
    if peer.ip_block:
        yield from _block(peer.ip_block, (*path, "ipBlock"))
    if peer.ip_block and given:
        yield Problem(path, f"ipBlock cannot stand beside {' and '.join(given)}")
    elif not (peer.ip_block or given):
        yield Problem(path, "an empty peer", "give podSelector, namespaceSelector or ipBlock")


def _block(block: IpBlock, path: ConfigPath) -> Iterator[Problem]:
    whole = cidr.network(block.cidr)
    if whole is None:
        yield Problem((*path, "cidr"), f'"{block.cidr}" is not a valid CIDR', _prefix(block.cidr))
    for index, text in enumerate(block.excepts or ()):
        part, at = cidr.network(text), (*path, "except", index)
        if part is None:
            yield Problem(at, f'"{text}" is not a valid CIDR', _prefix(text))
        elif whole and not _is_inside(part, whole):
            yield Problem(at, f"{text} must be a part of {block.cidr}, and smaller")


def _is_inside(part: cidr.Network, whole: cidr.Network) -> bool:
    return (
        part.version == whole.version
        and part.prefixlen > whole.prefixlen
        and part.network_address in whole
    )


def _prefix(text: str) -> str:
    found = cidr.address(text)
    return f"write {text}/{found.max_prefixlen} for one address" if found else ""


def _port(port: Port, path: ConfigPath) -> Iterator[Problem]:
    match port.port:
        case str() as name if not _PORT_NAME.fullmatch(name):
            hint = "write numbers without quotes" if name.isdigit() else ""
            yield Problem((*path, "port"), f'"{name}" is not a valid name of a port', hint)
        case int() as number if not 1 <= number <= _LAST_PORT:
            yield Problem((*path, "port"), f"{number} is not a port (1 to {_LAST_PORT})")
    if port.end_port is None:
        return
    if not isinstance(port.port, int):
        yield Problem((*path, "endPort"), "a range needs a number as port")
    elif not port.port <= port.end_port <= _LAST_PORT:
        message = f"{port.end_port} is not a port from {port.port} to {_LAST_PORT}"
        yield Problem((*path, "endPort"), message)


def _selector(selector: LabelSelector, path: ConfigPath) -> Iterator[Problem]:
    for key, value in (selector.match_labels or {}).items():
        yield from _label(key, (value,), (*path, "matchLabels", key))
    for index, one in enumerate(selector.match_expressions or ()):
        at = (*path, "matchExpressions", index)
        yield from _label(one.key, one.values or (), at)
        wanted = one.operator in {Operator.IN, Operator.NOT_IN}
        if wanted and not one.values:
            yield Problem(at, f"{one.operator.value} needs values")
        elif one.values and not wanted:
            yield Problem(at, f"{one.operator.value} has no values")


def _label(key: str, values: Iterable[str], path: ConfigPath) -> Iterator[Problem]:
    if not _LABEL_KEY.fullmatch(key):
        yield Problem(path, f'"{key}" is not a valid key of a label')
    for value in values:
        if not _LABEL_VALUE.fullmatch(value):
            yield Problem(path, f'"{value}" is not a valid value of a label')
