"""The parts of Kubernetes objects that policies are judged by; the decoder ignores the others."""

from __future__ import annotations

from typing import Any

import msgspec

CONTROLLERS = frozenset(
    {
        *("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"),
        *("DeploymentConfig", "Job", "CronJob"),
    }
)
BY_LABELS = frozenset({"ReplicationController", "DeploymentConfig"})
"""Those whose selector is a map of labels."""
ENDED = frozenset({"Succeeded", "Failed"})
RELEASED = "flowmatrix/released"
"""Annotation of a former holder of addresses (pipeline/kube/inventory/export.py)."""


class OwnerReference(msgspec.Struct, frozen=True):
    """One of `metadata.ownerReferences`; at most one of them has `controller: true`."""

    kind: str
    name: str
    controller: bool | None = None


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """`metadata`."""

    name: str
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that controls the object, as pipeline/kube/index/owners.py chooses it."""
        given = self.owner_references or ()
        chosen = next((one for one in given if one.controller), None)
        return chosen or next((one for one in given if one.controller is None), None)


class ContainerPort(msgspec.Struct, frozen=True, rename="camel"):
    """A port of a container."""

    container_port: int
    name: str | None = None
    protocol: str | None = None


class Container(msgspec.Struct, frozen=True, rename="camel"):
    """A container; an init container that is restarted always goes on beside the others."""

    ports: list[ContainerPort] | None = None
    restart_policy: str | None = None


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    """`spec` of a pod."""

    node_name: str | None = None
    host_network: bool | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None


class Ip(msgspec.Struct, frozen=True):
    """One of `podIPs` or `hostIPs`."""

    ip: str = ""


class PodStatus(msgspec.Struct, frozen=True):
    """`status` of a pod."""

    phase: str | None = None
    pod_ip: str = msgspec.field(default="", name="podIP")
    pod_ips: list[Ip] | None = msgspec.field(default=None, name="podIPs")
    host_ip: str = msgspec.field(default="", name="hostIP")
    host_ips: list[Ip] | None = msgspec.field(default=None, name="hostIPs")


class TemplateMetadata(msgspec.Struct, frozen=True):
    """`metadata` of a template."""

    labels: dict[str, str] | None = None


class Template(msgspec.Struct, frozen=True):
    """The template of pods."""

    metadata: TemplateMetadata = TemplateMetadata()
    spec: PodSpec = PodSpec()


class ControllerSpec(msgspec.Struct, frozen=True, rename="camel"):
    """`spec` of a workload: a selector and a template, or the template of Jobs."""

    selector: dict[str, Any] | None = None
    template: Template | None = None
    job_template: JobTemplate | None = None


class JobTemplate(msgspec.Struct, frozen=True):
    """`spec.jobTemplate` of a CronJob."""

    spec: ControllerSpec | None = None


class NodeSpec(msgspec.Struct, frozen=True):
    """`spec` of a node."""

    pod_cidr: str | None = msgspec.field(default=None, name="podCIDR")
    pod_cidrs: list[str] | None = msgspec.field(default=None, name="podCIDRs")


class NodeAddress(msgspec.Struct, frozen=True):
    """An address of a node; some are names."""

    address: str = ""


class NodeStatus(msgspec.Struct, frozen=True):
    """`status` of a node."""

    addresses: list[NodeAddress] | None = None


class ServicePort(msgspec.Struct, frozen=True):
    """A port of a Service."""

    port: int
    name: str | None = None
    protocol: str | None = None
    target: int | str | None = msgspec.field(default=None, name="targetPort")


class ServiceSpec(msgspec.Struct, frozen=True):
    """`spec` of a Service."""

    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")
    cluster_ips: list[str] | None = msgspec.field(default=None, name="clusterIPs")


class TargetReference(msgspec.Struct, frozen=True):
    """The object behind an endpoint."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None


class Endpoint(msgspec.Struct, frozen=True, rename="camel"):
    """One of `endpoints` of an EndpointSlice."""

    addresses: list[str]
    target_ref: TargetReference | None = None


class EndpointPort(msgspec.Struct, frozen=True):
    """One of `ports` of an EndpointSlice."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None
