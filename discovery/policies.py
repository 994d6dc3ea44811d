"""The networks of NetworkPolicies as subnet labels.

Source: docs/reference/kubernetes.md#subnet-labels; the API of networking.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from discovery import names, networks
from discovery.peers import CLIENT, SERVER
from discovery.proposals import Proposal
from pipeline.diagnostics import Problem, warning
from pipeline.flows import cidr
from pipeline.flows.cidr import Network
from pipeline.kube.api import objects
from pipeline.kube.api.objects import Metadata
from pipeline.kube.inventory.file import Found

NAME = "netobserv.io/label-ipblocks"
"""The label of a policy whose value is the name for its networks."""


class _IpBlock(msgspec.Struct, frozen=True):
    cidr: str
    other: list[str] | None = msgspec.field(name="except", default=None)


class _Peer(msgspec.Struct, frozen=True):
    block: _IpBlock | None = msgspec.field(name="ipBlock", default=None)


class _Port(msgspec.Struct, frozen=True):
    protocol: str = "TCP"
    port: int | str | None = None
    last: int | None = msgspec.field(name="endPort", default=None)


class _Rule(msgspec.Struct, frozen=True):
    to: list[_Peer] | None = None
    sources: list[_Peer] | None = msgspec.field(name="from", default=None)
    ports: list[_Port] | None = None


class _Policy(msgspec.Struct, frozen=True):
    ingress: list[_Rule] | None = None
    egress: list[_Rule] | None = None


def proposals(
    found: Iterable[Found], problems: list[Problem], prefix: str = names.EXTERNAL
) -> list[Proposal]:
    """A proposal for each NetworkPolicy that has ipBlocks, in their order.

    It is called by the policy's label NAME, or else after namespace and policy. What `except`
    takes out is not in it. A block of all addresses is not a name for anything: it is left out,
    as is what cannot be read, with a line in `problems`.
    """
    made = (_proposal(one, problems, prefix) for one in found if one.object.kind == "NetworkPolicy")
    return [one for one in made if one.cidrs]


def _proposal(found: Found, problems: list[Problem], prefix: str) -> Proposal:
    about = found.object.metadata
    where = f"{found.where}: NetworkPolicy {about.namespace or 'default'}/{about.name}"
    try:
        policy = objects.part(found.object.spec, _Policy)
    except msgspec.ValidationError as error:
        problems.append(Problem((), f"{where}: {error}"))
        policy = _Policy()
    sides = ((SERVER, policy.egress), (CLIENT, policy.ingress))
    rules = [
        (role, rule, list(_nets(rule, where, problems)))
        for role, some in sides
        for rule in some or ()
    ]
    named = [(role, rule, nets) for role, rule, nets in rules if nets]
    inside = networks.collapsed(net for _, _, nets in named for net in nets)
    return Proposal(
        name=_name(about, prefix),
        cidrs=[str(net) for net in inside],
        opened=sum(net.num_addresses for net in inside),
        source=f"NetworkPolicy {about.namespace or 'default'}/{about.name}",
        roles=tuple(dict.fromkeys(role for role, *_ in named)),
        ports=tuple(dict.fromkeys(_port(p) for _, rule, _ in named for p in rule.ports or ())),
    )


def _name(about: Metadata, prefix: str) -> str:
    given = (about.labels or {}).get(NAME, "")
    if given and names.VALID.fullmatch(given):
        return given
    return names.name(about.namespace or "default", about.name, prefix=prefix)


def _nets(rule: _Rule, where: str, problems: list[Problem]) -> Iterator[Network]:
    for peer in (*(rule.to or ()), *(rule.sources or ())):
        if peer.block is None:
            continue
        net = cidr.network(peer.block.cidr)
        others = [(text, cidr.network(text)) for text in peer.block.other or ()]
        wrong = [text for text, other in [(peer.block.cidr, net), *others] if other is None]
        if wrong:
            problems.append(Problem((), f'{where}: "{wrong[0]}" is not a valid CIDR'))
        elif net and not net.prefixlen:
            problems.append(warning((), f"{where}: {net} is every address, and no label is made"))
        elif net:
            yield from _without(net, [other for _, other in others if other])


def _without(net: Any, others: Iterable[Any]) -> list[Network]:
    """What is left of a network; Any, as the module ipaddress tells versions apart by type."""
    left = [net]
    for other in others:
        left = [
            part
            for one in left
            for part in (
                one.address_exclude(other)
                if one.version == other.version and other.subnet_of(one)
                else [one]
            )
            if not (part.version == other.version and part.subnet_of(other))
        ]
    return left


def _port(port: _Port) -> str:
    number = "" if port.port is None else f"{port.port}{f'-{port.last}' if port.last else ''}/"
    return f"{number}{port.protocol}"
