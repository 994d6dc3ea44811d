"""The pods of a cluster, of which there may be a hundred thousand: little is kept of each."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from policy.parts import Pod, Reference
from policy.selectors import LabelSelector


class Pods:
    """Pods in the order in which they were added, by what they are asked for.

    The pods of a workload have all but names, nodes and addresses in common: `alike` has one pod
    for them, without these (without owners a pod is alone, and keeps its name). A pod is put
    together again when it is asked for.
    """

    def __init__(self) -> None:
        self.alike: list[Pod] = []
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._kinds = array("I")
        self._names: list[str] = []
        self._nodes: list[str] = []
        self._addresses: list[str | tuple[str, ...]] = []

    def add(self, pod: Pod) -> None:
        """Add a pod, with the nearest of its owners, before any is asked for."""
        key = (
            *(pod.namespace, tuple(pod.labels.items()), pod.on_host_network, pod.ports),
            *(pod.has_ended, pod.owners or pod.name),
        )
        kind = self._numbers.setdefault(key, len(self.alike))
        if kind == len(self.alike):
            name = "" if pod.owners else pod.name
            self.alike.append(pod._replace(name=name, addresses=(), node=""))
        self._kinds.append(kind)
        self._names.append(pod.name)
        self._nodes.append(pod.node)
        alone = len(pod.addresses) == 1
        self._addresses.append(pod.addresses[0] if alone else pod.addresses)

    def climb(self, chain: Callable[[Reference], tuple[Reference, ...]]) -> None:
        """Give the pods all their owners, after the last one was added."""
        self._numbers = {}
        self.alike = [
            one._replace(owners=chain(one.owners[0])) if one.owners else one for one in self.alike
        ]

    def __len__(self) -> int:
        return len(self._kinds)

    def __getitem__(self, number: int) -> Pod:
        return self.alike[self._kinds[number]]._replace(
            name=self._names[number],
            addresses=_several(self._addresses[number]),
            node=self._nodes[number],
        )

    def __iter__(self) -> Iterator[Pod]:
        return map(self.__getitem__, range(len(self)))

    def of(self, owner: Reference) -> list[Pod]:
        """The pods that belong to a workload."""
        return self._of_kinds(self._by_owner.get(owner, ()))

    def selected(self, namespace: str, selector: LabelSelector) -> list[Pod]:
        """The living pods of a namespace that a selector matches."""
        living = self._living.get(namespace, ())
        return self._of_kinds(kind for kind in living if selector.matches(self.alike[kind].labels))

    def named(self, namespace: str, name: str) -> list[Pod]:
        """The pods of a name: one, and former ones."""
        first = bisect_left(self._by_name, (namespace, name), key=self._title)
        last = bisect_right(self._by_name, (namespace, name), lo=first, key=self._title)
        return [self[number] for number in self._by_name[first:last]]

    @cached_property
    def by_address(self) -> Mapping[str, Pod]:
        """By the addresses that are a living pod's alone, the one of `alike` that it is like."""
        return {
            ip: self.alike[kind]
            for kind, addresses in zip(self._kinds, self._addresses, strict=True)
            if not (self.alike[kind].has_ended or self.alike[kind].on_host_network)
            for ip in _several(addresses)
        }

    def on_host_network(self) -> list[Pod]:
        """The living pods that have the addresses of their nodes."""
        kinds = enumerate(self.alike)
        return self._of_kinds(
            kind for kind, one in kinds if one.on_host_network and not one.has_ended
        )

    def _of_kinds(self, kinds: Iterable[int]) -> list[Pod]:
        return [self[number] for number in sorted(n for kind in kinds for n in self._of[kind])]

    def _title(self, number: int) -> tuple[str, str]:
        return self.alike[self._kinds[number]].namespace, self._names[number]

    @cached_property
    def _of(self) -> list[array[int]]:
        """The pods that are like each of `alike`."""
        found = [array("I") for _ in self.alike]
        for number, kind in enumerate(self._kinds):
            found[kind].append(number)
        return found

    @cached_property
    def _by_owner(self) -> Mapping[Reference, list[int]]:
        found: dict[Reference, list[int]] = defaultdict(list)
        for kind, one in enumerate(self.alike):
            for owner in one.owners:
                found[owner].append(kind)
        return found

    @cached_property
    def _living(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for kind, one in enumerate(self.alike):
            if not one.has_ended:
                found[one.namespace].append(kind)
        return found

    @cached_property
    def _by_name(self) -> array[int]:
        """Sorted by namespace and name: a key for each would take as much again."""
        named = sorted(range(len(self)), key=self._names.__getitem__)
        return array("I", sorted(named, key=lambda n: self.alike[self._kinds[n]].namespace))


def _several(addresses: str | tuple[str, ...]) -> tuple[str, ...]:
    return (addresses,) if isinstance(addresses, str) else addresses
