"""The label selector that stands for a workload, proved on its pods."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from policy.objects import Cluster
from policy.parts import Pod, Reference
from policy.selectors import LabelIndex, LabelSelector

_RUN = re.compile(
    r"controller-uid|job-name|batch\.kubernetes\.io/.*|pod-template-hash|controller-revision-hash"
    r"|pod-template-generation|statefulset\.kubernetes\.io/.*|apps\.kubernetes\.io/pod-index"
)
"""Labels that a controller gives to one pod, one run or one revision."""
_JOBS = frozenset({"Job", "CronJob"})
"""Kinds without a selector of their own: that of a Job is for one run."""


class Selection(NamedTuple):
    """A selector for the pods of a workload.

    `also` lists other workloads of the namespace whose pods it selects too; `note` says how the
    selector was found where it is not the one of the controller, or why it is not proved.
    """

    selector: LabelSelector
    also: tuple[Reference, ...] = ()
    note: str = ""


class NotSelectableError(Exception):
    """A policy cannot name a workload; the message says why."""


class Selections:
    """The selectors of a cluster's workloads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._living: dict[str, list[Pod]] = defaultdict(list)
        for pod in cluster.pods.alike:
            if not (pod.has_ended or pod.on_host_network):
                self._living[pod.namespace].append(pod)
        self._labels = {
            name: LabelIndex(pod.labels for pod in pods) for name, pods in self._living.items()
        }
        self._tops: dict[Reference, Reference] = {}
        self._nodes: dict[Reference, list[str]] = {}
        self._found: dict[Reference, Selection | str] = {}

    def top(self, one: Reference) -> Reference:
        """The workload that outlives this one; of an operator's resource, the one that it owns."""
        if one not in self._tops:
            found = self._cluster.workload_of(one)
            if found not in self._cluster.controllers:
                owned = {pod.workload for pod in self._cluster.pods_of(found)}
                found = owned.pop() if len(owned) == 1 else found
            self._tops[one] = found
        return self._tops[one]

    def running(self, namespace: str) -> list[Reference]:
        """The workloads of a namespace that have a living pod on the pod network, sorted."""
        return sorted({pod.workload for pod in self._living.get(namespace, ())})

    def nodes(self, workload: Reference) -> list[str]:
        """The nodes of a workload all of whose pods are on the host network; none for others."""
        if workload not in self._nodes:
            pods = self._cluster.pods_of(workload)
            on_host = all(pod.on_host_network for pod in pods)
            self._nodes[workload] = sorted({pod.node for pod in pods}) if on_host else []
        return self._nodes[workload]

    def of(self, workload: Reference) -> Selection:
        """The selector of a workload.

        Raises NotSelectableError.
        """
        if workload not in self._found:
            try:
                self._found[workload] = self._proved(workload)
            except NotSelectableError as error:
                self._found[workload] = str(error)
        found = self._found[workload]
        if isinstance(found, str):
            raise NotSelectableError(found)
        return found

    def _proved(self, workload: Reference) -> Selection:
        selector, note = self._selector(workload)
        own = [pod for pod in self._cluster.pods_of(workload) if pod.name]
        missed = sorted(pod.name for pod in own if not selector.matches(pod.labels))
        if missed:
            more = f" and {len(missed) - 1} more" if missed[1:] else ""
            raise NotSelectableError(f"its selector does not match its pod {missed[0]}{more}")
        living = self._living.get(workload.namespace, [])
        found = self._labels[workload.namespace].matching(selector) if living else ()
        others = {living[number].workload for number in found}
        note = note if own else "its selector is not proved: it has no pod now"
        return Selection(selector, tuple(sorted(others - {workload})), note)

    def _selector(self, workload: Reference) -> tuple[LabelSelector, str]:
        """The selector, and how it was found where it is not the controller's own."""
        controller = self._cluster.controllers.get(workload)
        if workload.kind in _JOBS and controller and controller.template:
            return _stable(controller.template.labels, "its template has no stable label"), ""
        if workload.kind not in _JOBS and controller and controller.selector:
            if controller.selector.requirements():
                return controller.selector, ""
            raise NotSelectableError("its selector is empty")
        if workload.kind == "Service":
            raise NotSelectableError("the pods behind it are not known")
        pods = self._cluster.pods_of(workload)
        if not pods:
            known = "its selector is" if controller else "it is"
            raise NotSelectableError(f"{known} not among the objects")
        shared = dict(set.intersection(*(set(pod.labels.items()) for pod in pods)))
        note = "" if workload.kind == "Pod" else "selected by the labels that its pods share now"
        return _stable(shared, "its pods have no stable label in common"), note


def _stable(labels: Mapping[str, str], otherwise: str) -> LabelSelector:
    kept = {key: labels[key] for key in sorted(labels) if not _RUN.fullmatch(key)}
    if not kept:
        raise NotSelectableError(otherwise)
    return LabelSelector(kept)
