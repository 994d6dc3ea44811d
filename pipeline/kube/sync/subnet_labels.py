"""Subnet labels that follow a cluster: its FlowCollector's, and those derived from objects."""

from __future__ import annotations

import logging
import threading
import time
from typing import NamedTuple

import msgspec

from pipeline.diagnostics import Problem
from pipeline.kube import subnets
from pipeline.kube.api import objects
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError, ConnectError, UnreachableError
from pipeline.kube.api.objects import Object
from pipeline.kube.api.reflector import Resource, Timing
from pipeline.kube.subnets import Label
from pipeline.kube.sync.feed import Feed
from pipeline.kube.sync.known import KnownObjects, Named
from pipeline.timing.periodic import Periodic

_SECONDS, _LATER = 3.0, 20.0
"""Between two looks at an object that is there, and at one that is not, or at the API groups."""
_TICK = 0.5
_NOT_FOUND = 404
_log = logging.getLogger(__name__)


class Single(NamedTuple):
    """One object that is polled: the right to get that one is enough.

    `beside`: an API group; the object is on clusters that have it (with `without`: have it not).
    """

    resource: Resource
    name: str
    namespace: str
    beside: str
    without: bool = False

    @property
    def path(self) -> str:
        """The path of the object."""
        return f"{self.resource.path(self.namespace)}/{self.name}"


def _single(kind: str, version: str, name: str, namespace: str = "", group: str = "") -> Single:
    resource = Resource(kind, version, f"{kind.lower()}s")
    group = group or version.rpartition("/")[0]
    return Single(resource, name, namespace, group.removeprefix("!"), group.startswith("!"))


_OPENSHIFT = "config.openshift.io"
SINGLES = (
    _single("FlowCollector", "flows.netobserv.io/v1beta2", "cluster"),
    _single("Network", "config.openshift.io/v1", "cluster"),
    _single("Network", "operator.openshift.io/v1", "cluster"),
    _single("ConfigMap", "v1", "cluster-config-v1", "kube-system", _OPENSHIFT),
    _single("ConfigMap", "v1", "kubeadm-config", "kube-system", f"!{_OPENSHIFT}"),
    _single("EndpointSlice", "discovery.k8s.io/v1", "kubernetes", "default"),
)
FOLLOWED = (
    Resource("Node", "v1", "nodes", namespaced=False),
    Resource("ServiceCIDR", "networking.k8s.io/v1", "servicecidrs", False, optional=True),
)
"""What a cluster's own networks are derived from; OpenShift says them in the single objects."""


class _Group(msgspec.Struct, frozen=True):
    name: str


class _Groups(msgspec.Struct, frozen=True):
    groups: list[_Group]


_groups = msgspec.json.Decoder(_Groups).decode


class LabelFeed(Feed):
    """The labels of a cluster, the FlowCollector's own first; it starts at once.

    What cannot be read is a problem, and what was known of it stays.
    """

    def __init__(self, connection: ClusterConnection) -> None:
        self._singles: dict[Single, Object] = {}
        self._unread: dict[Single, str] = {}
        self._due = dict.fromkeys(SINGLES, 0.0)
        self._groups: frozenset[str] = frozenset()
        self._groups_due = 0.0
        self._looked = threading.Event()
        self._sinks = [
            _Reduced(connection, resource, "", Timing(most=10.0)) for resource in FOLLOWED
        ]
        self._derived: tuple[list[Object], list[Label], list[str]] = ([], [], [])
        self._watch = Periodic("the look for subnet labels", self._look_around, _TICK)
        super().__init__(connection, self._sinks)
        self._watch.start()

    def waiting(self) -> list[str]:
        """The objects that were neither read nor refused yet: without a right, labels are fewer."""
        return self.unlisted()

    def unlisted(self) -> list[str]:
        """The objects that were neither read nor refused yet."""
        unread = [] if self._looked.is_set() else ["subnet labels: not looked for yet"]
        return [*super().unlisted(), *unread]

    def labels(self) -> list[Label]:
        """The labels as they are now; the same list until one changes."""
        return self._derive()[1]

    def problems(self) -> list[str]:
        """Problems with objects that cannot be read or are not valid labels."""
        return [*self._unread.values(), *super().problems(), *self._derive()[2]]

    def endpoints(self) -> list[Object]:
        """The EndpointSlice of the API server, where it can be read."""
        found = list(self._singles.values())
        return [one for one in found if one.kind == "EndpointSlice"]

    def close(self) -> None:
        """End its threads."""
        self._watch.close(2.0)
        super().close()

    def _derive(self) -> tuple[list[Object], list[Label], list[str]]:
        found = [*self._singles.values(), *(one for sink in self._sinks for one in sink.objects())]
        if found != self._derived[0]:
            problems: list[Problem] = []
            labels = subnets.described(found, problems)
            texts = [problem.message for problem in problems]
            for text in texts:
                if text not in self._derived[2]:
                    _log.warning("%s", text)
            self._derived = (found, labels, texts)
        return self._derived

    def _look_around(self) -> None:
        if time.monotonic() >= self._groups_due:
            self._discover()
        for single in SINGLES:
            if time.monotonic() >= self._due[single] and not self._watch.closed:
                present = self._look(single)
                self._due[single] = time.monotonic() + (_SECONDS if present else _LATER)
        self._looked.set()

    def _discover(self) -> None:
        """Read the API groups: objects of an unknown group are forbidden, not just missing."""
        try:
            groups = _groups(self._connection.fetch("/apis")).groups
        except (ApiError, UnreachableError, ConnectError, msgspec.DecodeError) as error:
            _log.debug("the API groups are not known: %s", error)
            self._groups_due = time.monotonic() + _SECONDS
            return
        names = frozenset(group.name for group in groups)
        if names != self._groups:
            self._groups, self._due = names, dict.fromkeys(SINGLES, 0.0)
        self._groups_due = time.monotonic() + _LATER

    def _look(self, single: Single) -> bool:
        """Read an object; return whether to read it again soon."""
        if (single.beside in self._groups) == single.without:
            self._forget(single)
            return False
        try:
            raw = self._connection.fetch(single.path)
            one = msgspec.structs.replace(objects.parse(raw), kind=single.resource.kind)
            self._singles = {**self._singles, single: one}
        except ApiError as error:
            if error.code == _NOT_FOUND:
                self._forget(single)
                return single == SINGLES[0]
            self._settle(single, f"{single.path}: {error}")
            return False
        except (UnreachableError, ConnectError, ValueError) as error:
            self._settle(single, f"{single.path}: {error}")
            return True
        self._settle(single, "")
        return True

    def _forget(self, single: Single) -> None:
        self._singles = {k: one for k, one in self._singles.items() if k != single}
        self._settle(single, "")

    def _settle(self, single: Single, problem: str) -> None:
        if problem and single not in self._unread:
            _log.warning("%s", problem)
        others = {k: text for k, text in self._unread.items() if k != single}
        self._unread = {**others, single: problem} if problem else others


class _Reduced(KnownObjects):
    """Objects of a kind, reduced to the parts that labels are derived from."""

    def read(self, raw: msgspec.Raw) -> tuple[Named, Object]:
        name, one = super().read(raw)
        return name, subnets.reduced(one)
