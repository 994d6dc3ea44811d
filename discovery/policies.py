"""The networks of NetworkPolicies as subnet labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from discovery import names, networks
from discovery.peers import CLIENT, SERVER
from discovery.proposals import Proposal
from pipeline.flows.cidr import Network
from policy.networkpolicy import Direction, IpBlock, NetworkPolicy, Port, Rule

_ROLES = {Direction.EGRESS: SERVER, Direction.INGRESS: CLIENT}


class Named(NamedTuple):
    """Proposals, and what a reader should know."""

    proposals: list[Proposal]
    notes: list[str]


def named(policies: Iterable[NetworkPolicy], prefix: str = names.EXTERNAL) -> Named:
    """A proposal for each policy that has ipBlocks, called after its namespace and name.

    What `except` takes out is not in it. A block of all addresses is not a name for anything: it is
    left out, with a note.
    """
    found, notes = [], list[str]()
    for policy in policies:
        nets: dict[Rule, list[Network]] = {}
        for rule in policy.rules:
            for block in filter(None, (peer.ip_block for peer in rule.peers)):
                if block.cidr.endswith("/0"):
                    notes.append(f"{policy}: {block.cidr} is every address, and gets no name")
                else:
                    nets.setdefault(rule, []).extend(_of_block(block))
        if nets:
            found.append(_proposal(policy, nets, prefix))
    return Named(found, notes)


def _proposal(policy: NetworkPolicy, nets: dict[Rule, list[Network]], prefix: str) -> Proposal:
    inside = networks.collapsed(net for some in nets.values() for net in some)
    roles = {_ROLES[rule.direction] for rule in nets}
    return Proposal(
        name=names.name(policy.namespace, policy.name, prefix=prefix),
        cidrs=[str(net) for net in inside],
        opened=sum(net.num_addresses for net in inside),
        source=f"NetworkPolicy {policy}",
        roles=tuple(sorted(roles, reverse=True)),
        ports=tuple(dict.fromkeys(_port(port) for rule in nets for port in rule.ports)),
    )


def _of_block(block: IpBlock) -> list[Network]:
    """The networks of a block, without what it excepts."""
    left: list[Any] = networks.read([block.cidr])  # Any: the versions are types of their own
    for other in networks.read(block.excepts or ()):
        left = [part for one in left for part in _without(one, other)]
    return left


def _without(one: Any, other: Any) -> Iterable[Any]:
    if one.subnet_of(other):
        return []
    return one.address_exclude(other) if other.subnet_of(one) else [one]


def _port(port: Port) -> str:
    if port.port is None:
        return str(port.protocol)
    last = f"-{port.end_port}" if port.end_port else ""
    return f"{port.port}{last}/{port.protocol}"
