"""Rules that allow exactly the pairs given: each is a full product of peers and ports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import TypeVar

_Peer = TypeVar("_Peer", bound=Hashable)
_Port = TypeVar("_Port", bound=Hashable)


def products(
    pairs: Iterable[tuple[_Peer, _Port]],
) -> list[tuple[frozenset[_Peer], frozenset[_Port]]]:
    """Sets of peers and of ports whose products are together exactly the pairs.

    Peers with the same ports share a rule, or ports with the same peers: whichever gives fewer
    rules.

    >>> rules = products([("a", 80), ("b", 80), ("a", 443), ("b", 443), ("c", 80)])
    >>> sorted((sorted(peers), sorted(ports)) for peers, ports in rules)
    [(['a', 'b'], [80, 443]), (['c'], [80])]
    """
    listed = set(pairs)
    by_peer = _grouped(listed)
    by_port = [(peers, ports) for ports, peers in _grouped({(b, a) for a, b in listed})]
    return by_peer if len(by_peer) <= len(by_port) else by_port


_Left = TypeVar("_Left", bound=Hashable)
_Right = TypeVar("_Right", bound=Hashable)


def _grouped(
    pairs: set[tuple[_Left, _Right]],
) -> list[tuple[frozenset[_Left], frozenset[_Right]]]:
    partners = defaultdict(set)
    for left, right in pairs:
        partners[left].add(right)
    alike = defaultdict(set)
    for left, rights in partners.items():
        alike[frozenset(rights)].add(left)
    return [(frozenset(lefts), rights) for rights, lefts in alike.items()]
