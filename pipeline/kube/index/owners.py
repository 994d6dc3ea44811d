"""Who owns what, and how far up the owner of a pod is followed.

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
"""Kinds that are owned by a lasting one; None: by any."""
_PARENTS = frozenset({"Deployment", *_FURTHER})


class Climb(msgspec.Struct, frozen=True):
    """How far the owner of a pod is followed.

    No `tracked` kinds: a ReplicaSet gives way to its owner, once. Otherwise at most three hops
    through known ReplicaSets (and Deployments, if tracked), never from a tracked kind to one that
    is not. `further` also climbs from ReplicaSet, Job, ReplicationController and
    VirtualMachineInstance to what outlives them.
    """

    tracked: frozenset[str] = frozenset()
    further: bool = False

    def allows(self, kind: str, parent: str, hop: int) -> bool:
        """Whether the owner of `kind` gives way to its own owner."""
        targets = _FURTHER.get(kind, frozenset()) if self.further else frozenset[str]()
        if targets is None or parent in targets:
            return True
        if not self.tracked:
            return kind == "ReplicaSet" and hop == 0
        known = kind == "ReplicaSet" or (kind == "Deployment" and kind in self.tracked)
        return known and (kind not in self.tracked or parent in self.tracked)


def controller(obj: Object) -> Owner | None:
    """The owner that controls an object: the reference with `controller: true`.

    Without one it is the first reference that leaves `controller` out, as hand-written objects do;
    a reference with `controller: false` only says whose deletion takes the object along.
    """
    references = obj.metadata.owner_references or ()
    chosen = next((each for each in references if each.controller), None)
    chosen = chosen or next((each for each in references if each.controller is None), None)
    return Owner(sys.intern(chosen.kind), sys.intern(chosen.name)) if chosen else None


def parent(obj: Object) -> Owner | None:
    """The owner of an object that may be climbed over, None for other kinds."""
    return controller(obj) if obj.kind in _PARENTS else None
