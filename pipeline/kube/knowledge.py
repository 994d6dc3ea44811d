"""What stages know about addresses: for `who`, and for the inventory file of a running worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.flows import cidr
from pipeline.flows.prefix_table import PrefixTable
from pipeline.kube import subnets
from pipeline.kube.api import objects
from pipeline.kube.explain import Line, explain, holder
from pipeline.kube.index.index import Index
from pipeline.kube.index.owners import Climb
from pipeline.kube.inventory import file as inventory
from pipeline.kube.subnets import Label
from pipeline.kube.sync.index import Watch
from pipeline.kube.sync.subnet_labels import LabelFeed


@dataclass(frozen=True)
class ObjectKnowledge:
    """The objects behind addresses, from a cluster (`watch` keeps them up to date) or a `file`."""

    index: Index
    climb: Climb
    watch: Watch | None = None
    file: Path | None = None

    def knows(self, address: str, at: int | None) -> bool:
        """Whether an object has, or had, an address at a time (ms; None: now)."""
        return holder(self.index, address, at) is not None

    def explain(self, address: str, at: int | None) -> Iterator[Line]:
        """The object behind an address at a time (ms; None: now), and the rule that chose it."""
        yield from (("incomplete", problem) for problem in self.problems())
        yield from explain(self.index, address, self.climb, at)

    def endpoints(self) -> bytes:
        """EndpointSlices, packed, which no address is looked up in: of the file, or the API's own.

        It may wait for an answer of the cluster.
        """
        return objects.packed(self.watch.endpoints()) if self.watch else self._of_file

    @cached_property
    def _of_file(self) -> bytes:
        return objects.packed(inventory.endpoints(self.file) if self.file else [])

    def problems(self) -> list[str]:
        """Problems with the data of the cluster: what is unknown or may be out of date."""
        return self.watch.problems() if self.watch else []


@dataclass(frozen=True)
class LabelKnowledge:
    """The subnet labels of a stage: listed ones, then those of a file, then those of a cluster."""

    listed: list[Label]
    described: list[Label]
    feed: LabelFeed | None = None
    longest: bool = False

    def derived(self) -> list[Label]:
        """The present labels from Kubernetes objects."""
        return [*self.described, *(self.feed.labels() if self.feed else ())]

    def labels(self) -> list[Label]:
        """All present labels."""
        return [*self.listed, *self.derived()]

    def ordered(self) -> list[Label]:
        """All present labels, in an order in which the first one around an address is meant.

        Where the narrowest one is, these are labels of a network each.
        """
        if not self.longest:
            return self.labels()
        single = [Label(label.name, [text]) for label in self.labels() for text in label.cidrs]
        return sorted(single, key=lambda label: -_length(label.cidrs[0]))

    def knows(self, address: str, at: int | None) -> bool:
        """Whether a network of a label is around an address, now."""
        return self._label(address) is not None

    def explain(self, address: str, at: int | None) -> Iterator[Line]:
        """The label of an address, its network, and the rule that chose it."""
        labels = self.labels()
        found = self._label(address)
        if not found:
            yield "subnet label", f"none: no network of {len(labels)} labels contains the address"
            return
        net, name = found
        number = 1 + [label.name for label in labels].index(name)
        origin = "listed" if number <= len(self.listed) else "derived from the cluster"
        rule = "narrowest" if self.longest else "first in list order"
        yield "subnet label", f"{name}: {net}, {rule} (label {number} of {len(labels)}, {origin})"

    def _label(self, address: str) -> tuple[cidr.Network, str] | None:
        """The network around an address, and its label."""
        table = PrefixTable(subnets.listed(self.labels()))
        place = cidr.address(address)
        return ((table.longest if self.longest else table.first)(place) or None) if place else None

    def problems(self) -> list[str]:
        """Problems with objects of the cluster that cannot be read or are not valid labels."""
        return self.feed.problems() if self.feed else []


def in_order(known: Iterable[object]) -> list[Label]:
    """The labels among what stages know: of those around an address, the first one is meant."""
    return [label for one in known if isinstance(one, LabelKnowledge) for label in one.ordered()]


def _length(text: str) -> int:
    net = cidr.network(text)
    return net.prefixlen if net else 0
