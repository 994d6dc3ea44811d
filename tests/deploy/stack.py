"""The stack of deploy/ as a recording: its objects, and the flows of its true edges.

`python -m tests.deploy.stack` writes the policies of deploy/policy again.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.kube.inventory import file
from policy.objects import Manifest
from tests.deploy.deployed import HOME, ROOT, overlay
from tests.support.commands import flowmatrix
from tests.support.policies import namespace, node, pod

POLICIES = ROOT / "deploy" / "policy"
KAFKA_PORTS = {"kafka-plain": 9092, "kafka-mtls": 9093}
"""The listener of the brokers that the workers of an overlay use."""
START = 1_777_600_800_000
_SYN, _SYN_ACK, _TCP, _UDP = 2, 256, 6, 17
_NODES = {"node-1": "192.0.2.11", "node-2": "192.0.2.12", "node-3": "192.0.2.13"}
_API_SERVERS = list(_NODES.values())
_DNS, _KAFKA, _API = "10.96.0.10", "10.96.4.7", "10.96.0.1"
_STRIMZI = {"strimzi.io/cluster": "kafka-cluster", "strimzi.io/name": "kafka-cluster-kafka"}
_WORKER = {"app.kubernetes.io/name": "flowmatrix"}
_PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}


class Edge(NamedTuple):
    """Who opens connections to whom, by addresses; `protocol` is its number."""

    client: str
    server: str
    port: int
    protocol: int = _TCP


def _pods() -> Iterator[Manifest]:
    for number in (1, 2):
        yield _owned(
            "flowmatrix", number, _WORKER, "ReplicaSet/flowmatrix-7f9c", f"10.244.{number}.5"
        )
        yield pod(
            f"kube-system/coredns-{number}",
            f"10.244.{number}.3",
            labels={"k8s-app": "kube-dns"},
            node=f"node-{number}",
            owner="Deployment/coredns",
        )
        yield pod(
            f"monitoring/prometheus-k8s-{number - 1}",
            f"10.244.{number}.9",
            labels=_PROMETHEUS,
            node=f"node-{number}",
            owner="StatefulSet/prometheus-k8s",
        )
    for number in (1, 2, 3):
        yield _owned(
            "kafka-cluster-kafka",
            number,
            _STRIMZI,
            "StrimziPodSet/kafka-cluster-kafka",
            _broker(number),
        )
        agent = {"app": "netobserv-ebpf-agent"}
        yield pod(
            f"netobserv-privileged/netobserv-ebpf-agent-{number}",
            _NODES[f"node-{number}"],
            labels=agent,
            node=f"node-{number}",
            host=True,
            owner="DaemonSet/netobserv-ebpf-agent",
        )


def _owned(name: str, number: int, labels: dict[str, str], owner: str, ip: str) -> Manifest:
    at = f"node-{number}"
    return pod(f"{HOME}/{name}-{number}", ip, labels=labels, node=at, owner=owner)


def _broker(number: int) -> str:
    return f"10.244.{number}.7"


def objects(name: str) -> list[Manifest]:
    """The objects of a cluster with an overlay of deploy/, Kafka, Prometheus and agents."""
    own = [one for one in overlay(name) if one["kind"] in {"Deployment", "Service"}]
    spaces = [namespace(one) for one in (HOME, "kube-system", "monitoring", "netobserv-privileged")]
    replicas = {
        "kind": "ReplicaSet",
        "metadata": {
            "namespace": HOME,
            "name": "flowmatrix-7f9c",
            "ownerReferences": [{"kind": "Deployment", "name": "flowmatrix", "controller": True}],
        },
    }
    return [
        *spaces,
        *(node(one, ip) for one, ip in _NODES.items()),
        *own,
        replicas,
        *_controllers(),
        *_pods(),
        _service("kafka-cluster-kafka-bootstrap", HOME, (_KAFKA, KAFKA_PORTS[name]), _STRIMZI),
        _service("kube-dns", "kube-system", (_DNS, 53), {"k8s-app": "kube-dns"}, "UDP"),
        _service("kubernetes", "default", (_API, 443), {}),
        {
            "kind": "EndpointSlice",
            "metadata": {
                "namespace": "default",
                "name": "kubernetes",
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "endpoints": [{"addresses": _API_SERVERS}],
            "ports": [{"name": "", "port": 6443, "protocol": "TCP"}],
        },
    ]


def _controllers() -> Iterator[Manifest]:
    for kind, where, name, labels in (
        ("Deployment", "kube-system", "coredns", {"k8s-app": "kube-dns"}),
        ("StatefulSet", "monitoring", "prometheus-k8s", _PROMETHEUS),
        (
            "DaemonSet",
            "netobserv-privileged",
            "netobserv-ebpf-agent",
            {"app": "netobserv-ebpf-agent"},
        ),
    ):
        spec = {"selector": {"matchLabels": labels}}
        yield {"kind": kind, "metadata": {"namespace": where, "name": name}, "spec": spec}


def _service(
    name: str, where: str, at: tuple[str, int], selector: dict[str, str], protocol: str = "TCP"
) -> Manifest:
    ports = [{"port": at[1], "protocol": protocol}]
    spec = {"clusterIP": at[0], "selector": selector, "ports": ports}
    return {"kind": "Service", "metadata": {"namespace": where, "name": name}, "spec": spec}


def edges(name: str) -> list[Edge]:
    """The true edges, of pods and through Services."""
    kafka, workers = KAFKA_PORTS[name], ["10.244.1.5", "10.244.2.5"]
    found = [Edge(agent, _broker(1 + n), kafka) for n, agent in enumerate(_NODES.values())]
    found += [Edge(_broker(1), _broker(other), 9091) for other in (2, 3)]
    for number, worker in enumerate(workers, 1):
        found += [Edge(worker, _KAFKA, kafka), Edge(worker, _API, 443)]
        found += [Edge(worker, _broker(broker), kafka) for broker in (1, 2, 3)]
        found += [Edge(worker, server, 6443) for server in _API_SERVERS]
        found += [Edge(worker, ip, 53, _UDP) for ip in (_DNS, "10.244.1.3", "10.244.2.3")]
        found += [Edge(f"10.244.{prometheus}.9", worker, 9102) for prometheus in (1, 2)]
        found.append(Edge(_NODES[f"node-{number}"], worker, 9102))
    return found


def flows(name: str) -> Iterator[dict[str, Any]]:
    """Two flows for each edge: it is opened, and answered."""
    for number, edge in enumerate(edges(name)):
        at = START + 10_000 * number
        ends = [(edge.client, 40_000 + number), (edge.server, edge.port)]
        for flags, (src, dst) in ((_SYN, ends), (_SYN_ACK, ends[::-1])):
            yield {
                "TimeFlowStartMs": at,
                "TimeFlowEndMs": at + 500,
                "Proto": edge.protocol,
                "SrcAddr": src[0],
                "SrcPort": src[1],
                "DstAddr": dst[0],
                "DstPort": dst[1],
                **({"Flags": flags} if edge.protocol == _TCP else {}),
                "Bytes": 600,
                "Packets": 5,
                "Sampling": 1,
            }


def record(name: str, folder: Path) -> list[str | Path]:
    """Write recording and objects; the options that name them."""
    recording, inventory = folder / "flows.jsonl", folder / "objects.json"
    recording.write_text("".join(json.dumps(one) + "\n" for one in flows(name)))
    file.write(objects(name), inventory)
    return ["--input", recording, "--inventory", inventory]


def generated(name: str, folder: Path) -> Path:
    """The file of the workers' policy, as the command writes it."""
    out = folder / "policies"
    done = flowmatrix("policy", "generate", "-n", HOME, *record(name, folder), "--out", out)
    assert done.exit_code == 0, done.stderr
    return out / f"{HOME}.flowmatrix.yaml"


if __name__ == "__main__":
    for each in KAFKA_PORTS:
        with tempfile.TemporaryDirectory() as place:
            shutil.copy(generated(each, Path(place)), POLICIES / f"{each}.yaml")
