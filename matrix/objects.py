"""What the objects of a cluster say about edges: declared ports, and what is behind a Service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Objects:
    """The parts of a cluster's objects that edges depend on."""

    @classmethod
    def of(cls, manifests: Iterable[Mapping[str, Any]]) -> Objects:
        """From Kubernetes objects, as an inventory file or /api/v0/inventory has them."""
        raise NotImplementedError
