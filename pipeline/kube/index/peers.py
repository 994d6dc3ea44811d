"""The objects that addresses resolve to, many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pipeline.kube.api.objects import Owner
from pipeline.kube.index.entries import Entry
from pipeline.kube.index.index import Index
from pipeline.kube.index.owners import Climb


@dataclass(frozen=True)
class Peers:
    """Entries with the names of the networks they were found in, one each.

    What else is to be known of them is looked up for all of them when it is first asked for.
    """

    index: Index
    climb: Climb
    entries: list[Entry]
    networks: list[str]

    @cached_property
    def owners(self) -> list[Owner]:
        """The owner to show of each, after climbing."""
        return self.index.shown_owners(self.entries, self.climb)

    @cached_property
    def hosts(self) -> list[tuple[str, str]]:
        """The name and the zone of the node of each."""
        return self.index.hosts(self.entries)
