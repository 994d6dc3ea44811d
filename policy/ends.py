"""An end of an edge, as policies look at it."""

from __future__ import annotations

from typing import NamedTuple

from policy.parts import Reference


class End(NamedTuple):
    """An end as a frame of edges has it: an object, or outside a label or an address."""

    kind: str
    namespace: str
    workload: str
    label: str
    address: str

    def __str__(self) -> str:
        if self.kind:
            return str(Reference(self.kind, self.namespace, self.workload))
        return self.label or self.address or "unknown"
