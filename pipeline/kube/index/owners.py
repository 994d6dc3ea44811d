"""Owners of objects, and how far up the owner of a pod is followed.

Source: docs/reference/kubernetes.md#owners.
"""

from __future__ import annotations

import sys

import msgspec

from pipeline.kube.api.objects import Object, Owner

HOPS = 3
_FURTHER: dict[str, frozenset[str] | None] = {
    "ReplicaSet": None,
    "Job": frozenset({"CronJob"}),
    "ReplicationController": frozenset({"DeploymentConfig"}),
    "VirtualMachineInstance": frozenset({"VirtualMachine"}),
}
"""Kinds whose owner outlives them, with the kinds of that owner (None: any kind)."""
_PARENTS = frozenset({"Deployment", *_FURTHER})


class Climb(msgspec.Struct, frozen=True):
    """How far the owner of a pod is followed.

    Without `tracked` kinds, a ReplicaSet is replaced by its owner, once. With them, there are at
    most three hops through known ReplicaSets (and Deployments, if tracked), never from a tracked
    kind to a kind that is not tracked. `further` also climbs from ReplicaSet, Job,
    ReplicationController and VirtualMachineInstance to owners that outlive them.
    """

    tracked: frozenset[str] = frozenset()
    further: bool = False

    def allows(self, kind: str, parent: str, hop: int) -> bool:
        """Whether an owner of `kind` is replaced by its own owner."""
        targets = _FURTHER.get(kind, frozenset()) if self.further else frozenset[str]()
        if targets is None or parent in targets:
            return True
        if not self.tracked:
            return kind == "ReplicaSet" and hop == 0
        known = kind == "ReplicaSet" or (kind == "Deployment" and kind in self.tracked)
        return known and (kind not in self.tracked or parent in self.tracked)


def controller(obj: Object) -> Owner | None:
    """The owner that controls an object: the reference with `controller: true`.

    Without such a reference it is the first one without `controller`, as in hand-written objects. A
    reference with `controller: false` only matters for garbage collection.
    """
    references = obj.metadata.owner_references or ()
    chosen = next((each for each in references if each.controller), None)
    chosen = chosen or next((each for each in references if each.controller is None), None)
    return Owner(sys.intern(chosen.kind), sys.intern(chosen.name)) if chosen else None


def parent(obj: Object) -> Owner | None:
    """The owner of an object that may be climbed over, None for other kinds."""
    return controller(obj) if obj.kind in _PARENTS else None
