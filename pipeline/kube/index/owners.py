"""Who owns what, and how far up the owner of a pod is followed.

Source: docs/reference/kubernetes.md#owners.
"""

from __future__ import annotations

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


def parent(one: Object) -> Owner | None:
    """The first owner of an object that may be climbed over."""
    owners = one.metadata.owner_references if one.kind in _PARENTS else None
    return owners[0] if owners else None
