"""The pipeline that the operator makes of a FlowCollector, in flowlogs-pipeline's dialect.

Source: docs/reference/operator.md#pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from pipeline.config.flowcollector import features, loki, transforms
from pipeline.config.flowcollector.exporters import Exporters
from pipeline.config.flowcollector.graph import Graph
from pipeline.config.flowcollector.reading import Collector
from pipeline.config.flowcollector.spec import FlowCollectorSpec, Reference
from pipeline.config.flowcollector.volumes import Volumes
from pipeline.diagnostics import Problem, warning
from pipeline.flowmetric import FlowMetric, predefined
from pipeline.flowmetric.chain import Metric
from pipeline.kube import subnets
from pipeline.kube.api.objects import Object
from pipeline.kube.subnets import Label

PROMETHEUS = "prometheus"
PREFIX = "netobserv_"


class Pipeline(NamedTuple):
    """A file of the dialect as plain data, and the folders that must be mounted for it.

    `problems` are warnings, their paths below the spec. `live`: labels of the cluster's own
    networks are asked for, and nothing is known here that they could be derived from.
    """

    document: dict[str, Any]
    mounted: dict[str, str]
    problems: list[Problem]
    live: bool


def build(
    collector: Collector,
    metrics: Iterable[FlowMetric] = (),
    more: Iterable[Object] = (),
    *,
    live: bool = False,
    raw: bool = True,
) -> Pipeline:
    """The pipeline of a FlowCollector; `metrics` are FlowMetrics, which follow predefined ones.

    Objects of the cluster, from its file or `more`, are what labels and the cluster's name are
    derived from. With `live`, labels that cannot be derived have a stage all the same. Unless it is
    `raw`, values of headers are left out.
    """
    spec, graph, volumes = collector.spec, Graph(), Volumes()
    known, problems = [*collector.objects, *more], list[Problem]()
    detected = _detected(spec, known, problems)
    stage = transforms.conntrack(graph, _source(graph, spec, volumes), spec)
    stage = transforms.enrich(graph, stage, spec)
    unknown = features.autodetects(spec) and not detected
    if unknown and not live:
        message = "the cluster's own networks get no label: none of its objects is known"
        problems.append(warning(("processor", "subnetLabels"), message, "give them (--objects)"))
    labels = [*transforms.labels(spec, collector.slices), *detected]
    stage = transforms.subnets(graph, stage, labels, always=unknown and live)
    stage = transforms.asns(graph, stage, spec)
    cluster = spec.processor.cluster_name or _cluster_id(known)
    if spec.processor.multi_cluster_deployment and not cluster:
        message = "the cluster has no name: flows get no K8S_ClusterName"
        problems.append(warning(("processor", "clusterName"), message))
    stage = transforms.filters(graph, stage, spec, collector.slices, cluster)
    items = [_item(one.metric()) for one in _counted(spec, metrics)]
    _outputs(graph, stage, spec, items, volumes, raw=raw)
    for index, one in enumerate(() if raw else spec.exporters):
        if one.open_telemetry.headers:
            at = ("exporters", index, "openTelemetry", "headers")
            problems.append(warning(at, "their values are not printed", "give --raw to have them"))
    document = {**_settings(spec, volumes), "pipeline": graph.pipeline}
    document["parameters"] = graph.parameters
    return Pipeline(document, volumes.mounted, problems, unknown and live)


def _source(graph: Graph, spec: FlowCollectorSpec, volumes: Volumes) -> str:
    if spec.deployment_model == "Kafka":
        block = {
            "brokers": [spec.kafka.address],
            "topic": spec.kafka.topic,
            "groupid": "flowlogs-pipeline",
            "decoder": {"type": "protobuf"},
            "tls": volumes.client_tls(spec.kafka.tls, "kafka-cert"),
            "sasl": volumes.sasl(spec.kafka.sasl, "kafka-ingest"),
            "pullQueueCapacity": spec.processor.kafka_consumer_queue_capacity,
            "pullMaxBytes": spec.processor.kafka_consumer_batch_size,
        }
        return graph.add("kafka-read", "", "ingest.kafka", block)
    block = {"port": spec.processor.advanced.port or 2055}
    plain = spec.processor.advanced.env.get("SERVER_NOTLS", "").lower() in ("1", "t", "true")
    if spec.deployment_model == "Service" and not plain:
        own = Reference("secret", "flowlogs-pipeline-cert", cert_file="tls.crt", cert_key="tls.key")
        cert, key = volumes.certificate(own, "svc-certs")
        block |= {"certPath": cert, "keyPath": key}
    return graph.add("grpc", "", "ingest.grpc", block)


def _detected(spec: FlowCollectorSpec, known: list[Object], problems: list[Problem]) -> list[Label]:
    """The labels of the cluster's own networks, as far as its objects are known."""
    return subnets.autodetected(known, problems) if features.autodetects(spec) else []


def _cluster_id(known: list[Object]) -> str:
    """The identifier of an OpenShift cluster, which stands in for a name."""
    versions = [one for one in known if one.kind == "ClusterVersion"]
    found = [msgspec.json.decode(one.spec).get("clusterID") for one in versions]
    return next((str(one) for one in found if one), "")


def _counted(spec: FlowCollectorSpec, metrics: Iterable[FlowMetric]) -> list[FlowMetric]:
    own = predefined.metrics(
        features.metrics(spec), features.labels(spec), features.counted_records(spec)
    )
    return [*own, *(one for one in metrics if one.ready)]


def _item(metric: Metric) -> dict[str, Any]:
    """A metric as an item of `encode.prom`."""
    filters = [{"key": one.field, "value": one.value, "type": one.type} for one in metric.filters]
    optional: dict[str, Any] = {
        "remap": metric.remap,
        "flatten": list(metric.flatten),
        "valueKey": metric.value,
        "valueScale": metric.divider,
        "buckets": list(metric.buckets),
        "help": metric.help,
    }
    given = {key: value for key, value in optional.items() if value}
    fixed = {"name": metric.name, "type": metric.type.value, "filters": filters}
    return {**fixed, "labels": list(metric.labels), **given}


def _outputs(
    graph: Graph,
    stage: str,
    spec: FlowCollectorSpec,
    metrics: list[dict[str, Any]],
    volumes: Volumes,
    *,
    raw: bool,
) -> None:
    def narrowed(name: str, target: str) -> str:
        rules = transforms.queries(spec.processor.filters, target)
        block = {"rules": rules, "samplingField": "Sampling"}
        return graph.add(name, stage, "transform.filter", block) if rules else stage

    if spec.loki.enable:
        block = loki.block(spec, volumes)
        graph.add("loki", narrowed("filters-loki", "Loki"), "write.loki", block)
    if spec.processor.log_level == "trace":
        graph.add("stdout", stage, "write.stdout", {"format": "json"})
    if metrics:
        block = {"prefix": PREFIX, "metrics": metrics}
        graph.add(PROMETHEUS, narrowed("filters-prom", "Metrics"), "encode.prom", block)
    if spec.exporters:
        parent = narrowed("filters-exp", "Exporters")
        Exporters(graph, metrics, volumes, raw=raw).add(parent, spec.exporters)


def _settings(spec: FlowCollectorSpec, volumes: Volumes) -> dict[str, Any]:
    server, advanced = spec.processor.metrics.server, spec.processor.advanced
    metrics: dict[str, Any] = {"port": server.port or 9401, "prefix": PREFIX, "noPanic": True}
    if server.tls.type != "Disabled":
        part = "-transformer" if spec.deployment_model == "Kafka" else ""
        name = f"flowlogs-pipeline{part}-prom"
        auto = Reference("secret", name, cert_file="tls.crt", cert_key="tls.key")
        own = server.tls.provided if server.tls.type == "Provided" else auto
        cert, key = volumes.certificate(own or auto, "prom-certs")
        metrics["tls"] = {"certPath": cert, "keyPath": key}
    settings: dict[str, Any] = {
        "log-level": spec.processor.log_level,
        "health": {"port": advanced.health_port or 8080},
        "metricsSettings": metrics,
    }
    return settings | (
        {"profile": {"port": advanced.profile_port}} if advanced.profile_port else {}
    )
