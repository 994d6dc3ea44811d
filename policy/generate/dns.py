"""DNS that a user declares: the pods of a resolver's Service, whether they were asked or not."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.diagnostics import nearest
from policy.ends import End
from policy.generate.draft import Port, Rule
from policy.generate.peers import Peers
from policy.objects import Cluster
from policy.parts import Pod, Reference, Service

_DNS = 53
_PROTOCOLS = ("TCP", "UDP")


class NoResolverError(Exception):
    """The Service does not lead to pods; the message says why."""


class Resolver:
    """The pods of a Service and the ports at which they are asked: 53 and those of the pods.

    Raises NoResolverError for a Service that is not known or has no pods.
    """

    def __init__(self, name: str, cluster: Cluster, peers: Peers) -> None:
        service = _service(name, cluster)
        pods = [pod for pod in cluster.pods if _is_behind(pod, service)]
        owners = sorted({pod.workload for pod in pods})
        if not owners:
            raise NoResolverError(f"no pod is behind the Service {name}")
        self._peers = tuple(
            peers.peer(End(one.kind, one.namespace, one.name, "", ""), _DNS) for one in owners
        )
        numbers = {_DNS, *_targets(service, cluster, pods)}
        self._ports = [Port(protocol, number) for protocol in _PROTOCOLS for number in numbers]
        self._name = name

    def rules(self, seen: Iterable[Rule]) -> list[Rule]:
        """A rule for what the rules given do not allow yet; none when they allow everything."""
        allowed = {(p.key, port) for rule in seen for p in rule.peers for port in rule.ports}
        ports = [
            port for port in self._ports if any((p.key, port) not in allowed for p in self._peers)
        ]
        if not ports:
            return []
        edges = (f"names asked of the Service {self._name}",)
        return [Rule(self._peers, tuple(sorted(ports)), edges, is_declared=True)]


def _service(name: str, cluster: Cluster) -> Service:
    namespace, _, bare = name.partition("/")
    found = cluster.services.get(Reference("Service", namespace, bare))
    if found is None:
        known = [f"{one.namespace}/{one.name}" for one in cluster.services]
        hint = nearest(name, known)
        message = f'"{name}" is not a Service of the objects'
        raise NoResolverError(f"{message}; {hint}" if hint else message)
    return found


def _is_behind(pod: Pod, service: Service) -> bool:
    return (
        bool(service.selector)
        and pod.namespace == service.reference.namespace
        and not pod.has_ended
        and service.selector.items() <= pod.labels.items()
    )


def _targets(service: Service, cluster: Cluster, pods: Iterable[Pod]) -> set[int]:
    """The ports of the pods behind port 53 of the Service."""
    own = [port for port in service.ports if port.number == _DNS]
    numbers = {port.target for port in own if isinstance(port.target, int)}
    names = {port.target for port in own if isinstance(port.target, str)}
    numbers |= {p.number for pod in pods for p in pod.ports if p.name in names}
    sliced = {port.name for port in own}
    return numbers | {
        port.number
        for one in cluster.slices_of(service.reference)
        for port in one.ports
        if port.name in sliced
    }
