"""FRRConfiguration objects as an API server has them; a cluster may not know this kind."""

from __future__ import annotations

from collections.abc import Hashable

from pipeline.flows.cidr import Network
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.reflector import Resource, Timing
from pipeline.kube.frr import KIND, advertised
from pipeline.kube.sync.feed import Feed
from pipeline.kube.sync.known import KnownObjects

RESOURCE = Resource(KIND, "frrk8s.metallb.io/v1beta1", "frrconfigurations", optional=True)
_TIMING = Timing(most=10.0)


class FrrFeed(Feed):
    """The networks that a cluster's routers advertise, followed in threads of its own."""

    def __init__(self, connection: ClusterConnection) -> None:
        self._configurations = KnownObjects(connection, RESOURCE, "", _TIMING)
        super().__init__(connection, [self._configurations])

    def advertised(self) -> list[tuple[Network, str]]:
        """The networks with their AS numbers, as they are now."""
        return advertised(self._configurations.objects())

    def fingerprint(self) -> Hashable:
        """A value that changes with the networks."""
        return tuple(self.advertised())
