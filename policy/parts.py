"""What a policy is judged by: pods, their workloads, nodes and Services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from pipeline.kube.index.owners import Climb
from policy.selectors import LabelSelector

_CLIMB = Climb(further=True)


class Reference(NamedTuple):
    """Names an object: a workload, a pod, a node (without namespace), a Service."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


class NamedPort(NamedTuple):
    """A port that a container of a pod names."""

    name: str
    protocol: str
    number: int


class Pod(NamedTuple):
    """A pod. `owners` are the workloads that it belongs to: the nearest first, then theirs.

    `addresses` are in canonical form. A pod that `has_ended` had them once. A pod without a name
    is the template of a workload that has no pods.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    addresses: tuple[str, ...] = ()
    node: str = ""
    on_host_network: bool = False
    ports: tuple[NamedPort, ...] = ()
    has_ended: bool = False
    owners: tuple[Reference, ...] = ()

    @property
    def workload(self) -> Reference:
        """The workload that outlives the others, or the pod itself."""
        return lasting([Reference("Pod", self.namespace, self.name), *self.owners])

    def target(self, port: ServicePort) -> int:
        """The port at which it is reached through a Service's; 0 where it has none of that name."""
        if not isinstance(port.target, str):
            return port.target
        named = {(one.name, one.protocol): one.number for one in self.ports}
        return named.get((port.target, port.protocol), 0)


def distinct(pods: Iterable[Pod]) -> list[Pod]:
    """One pod of each workload and set of labels: selectors do not tell the others apart."""
    found = {(pod.namespace, id(pod.labels), pod.owners or pod.name): pod for pod in pods}
    return list(found.values())


class Controller(NamedTuple):
    """A workload. `selector` is its own one, None where the kind has none (CronJob)."""

    reference: Reference
    selector: LabelSelector | None
    template: Pod | None


class Node(NamedTuple):
    """A node: its addresses in canonical form, that of OVN too, and the networks of its pods."""

    name: str
    addresses: tuple[str, ...]
    pod_cidrs: tuple[str, ...]


class ServicePort(NamedTuple):
    """A port of a Service, and the port of the pods: a number or the name of a port."""

    name: str
    protocol: str
    number: int
    target: int | str


class Service(NamedTuple):
    """A Service; `selector` is empty where its endpoints are made by hand."""

    reference: Reference
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    addresses: tuple[str, ...]


class Endpoint(NamedTuple):
    """An endpoint of a Service: addresses, and the pod behind them where there is one."""

    addresses: tuple[str, ...]
    pod: Reference | None


class EndpointSlice(NamedTuple):
    """Endpoints of a Service, and their ports by the names of the Service's ports."""

    service: Reference
    endpoints: tuple[Endpoint, ...]
    ports: tuple[NamedPort, ...]


def lasting(chain: Sequence[Reference]) -> Reference:
    """The one of a chain of owners, the nearest first, that outlives the others.

    An operator's resource that owns a Deployment is not one: it may own several.
    """
    for one, owner in pairwise(chain):
        if one.kind != "Pod" and not _CLIMB.allows(one.kind, owner.kind, hop=1):
            return one
    return chain[-1]
