"""What a rule of a policy names: pods by their labels, nodes and networks by their addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from pipeline.flows import cidr
from policy.ends import End
from policy.generate.draft import Block, Peer, PeerKind
from policy.generate.networks import Networks, host
from policy.generate.selection import NotSelectableError, Selections
from policy.parts import Reference

NO_LABEL = "the address has no subnet label"
"""Why there is no rule for an address outside the cluster."""
_DNS = 53


class NoRuleError(Exception):
    """A policy cannot name an end; the message says why."""


class Peers:
    """Finds the peer of an end, with the objects and subnet labels given.

    `allow_unlabelled`: an address without a label is a peer of its own.
    """

    def __init__(
        self, selections: Selections, networks: Networks, *, allow_unlabelled: bool = False
    ) -> None:
        self._selections = selections
        self._networks = networks
        self._allow_unlabelled = allow_unlabelled
        self._known: dict[Any, Peer] = {}

    def peer(self, end: End, port: int) -> Peer:
        """The peer of an end that is reached, or comes, at this port: the same for equal ones.

        Raises NoRuleError.
        """
        found = self._made(end, port)
        return self._known.setdefault(found.key, found)

    def _made(self, end: End, port: int) -> Peer:
        match end.kind:
            case "Node":
                return self._node([end.workload], str(end), end.label, port)
            case "":
                return self._outside(end, port)
        workload = self._selections.top(Reference(end.kind, end.namespace, end.workload))
        if nodes := self._selections.nodes(workload):
            return self._node(nodes, f"{workload}, on the host network", "", port)
        try:
            found = self._selections.of(workload)
        except NotSelectableError as error:
            raise NoRuleError(f"{workload} cannot be selected: {error}") from None
        wider = [f"its selector also covers {other}" for other in found.also]
        return Peer(
            PeerKind.PODS,
            str(workload),
            end.namespace,
            found.selector,
            wider=(*wider, *filter(None, [found.note])),
        )

    def _node(self, names: Iterable[str], title: str, label: str, port: int) -> Peer:
        names = list(names)
        addresses = [ip for name in names for ip in self._networks.of_node(name, label)]
        if not addresses:
            raise NoRuleError("no address of the node is known")
        known = [self._networks.hostname(name) for name in names]
        unlisted = [ip for ip in sorted(addresses) if not self._networks.is_listed(ip)]
        return Peer(
            PeerKind.NODE,
            title,
            nodes=tuple(sorted(known)) if all(known) else (),
            unlisted=tuple(Block(host(ip)) for ip in unlisted),
            blocks=tuple(Block(host(ip)) for ip in sorted(addresses)),
            is_api_server=any(self._networks.is_api_server(ip, port) for ip in addresses),
        )

    def _outside(self, end: End, port: int) -> Peer:
        if end.label:
            return self._labelled(end.label, port)
        address = cidr.address(end.address)
        if address is None:
            raise NoRuleError("it stands for many addresses: they have no subnet label")
        text = str(address)
        if reason := self._networks.inside(address):
            raise NoRuleError(f"the address is {reason}, and no object has it")
        is_resolver = port == _DNS and address.is_link_local
        is_api_server = self._networks.is_api_server(text, port)
        if not (is_resolver or is_api_server):
            if label := self._networks.label(address):
                return self._labelled(label, port)
            if not self._allow_unlabelled:
                raise NoRuleError(NO_LABEL)
        return Peer(
            PeerKind.NETWORK,
            f"address {text}",
            blocks=(Block(host(text)),),
            is_api_server=is_api_server,
        )

    def _labelled(self, label: str, port: int) -> Peer:
        found = self._networks.of_label(label)
        if not found.blocks:
            raise NoRuleError(
                f"label {label}: {'; '.join(found.left_out) or 'its networks are not known'}"
            )
        wider = [f"without {reason}" for reason in found.left_out]
        if (size := sum(map(_number, found.blocks))) > 1:
            more = f" and {len(found.blocks) - 1} more" if found.blocks[1:] else ""
            wider.append(f"{found.blocks[0].cidr}{more}, {size:,} addresses")
        networks = [block.cidr for block in found.blocks]
        return Peer(
            PeerKind.NETWORK,
            f"label {label}",
            blocks=found.blocks,
            is_api_server=all(self._networks.is_api_server(net, port) for net in networks),
            wider=tuple(wider),
            label=label,
        )


def _number(block: Block) -> int:
    """How many addresses a block has."""
    return _size(block.cidr) - sum(map(_size, block.exceptions))


def _size(text: str) -> int:
    return ipaddress.ip_network(text).num_addresses
