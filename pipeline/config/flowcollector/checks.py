"""Checks of a FlowCollector beyond its shape (docs/reference/operator.md#settings)."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.config.flowcollector import features, loki
from pipeline.config.flowcollector.spec import FlowCollectorSpec, Kafka, LokiUrl
from pipeline.diagnostics import ConfigPath, Problem, nearest, warning
from pipeline.flowmetric import predefined
from pipeline.flows import cidr
from pipeline.kafka.connection import Topic, address
from pipeline.plan.fields import Known
from pipeline.predicate import query
from pipeline.yaml import validate


def check(spec: FlowCollectorSpec) -> Iterator[Problem]:
    """All problems of a spec; paths are relative to it."""
    yield from _source(spec)
    yield from _log_types(spec)
    if spec.loki.enable:
        server = loki.server(spec)
        yield from validate.problems(server.url, LokiUrl, ("loki", *server.field))
    yield from _labels(spec)
    yield from _metrics(spec)
    for index, one in enumerate(spec.processor.filters):
        path: ConfigPath = ("processor", "filters", index, "query")
        yield from query.problems(one.query, path)
        for name in sorted(query.fields(one.query)):
            yield from Known(whole=True).problems(name, path)
    for index, name in enumerate(spec.agent.ebpf.features):
        if name not in features.KNOWN:
            at = ("agent", "ebpf", "features", index)
            hint = nearest(name, features.KNOWN)
            found = Problem if hint else warning
            yield found(at, f'unknown feature "{name}"', hint)


def _source(spec: FlowCollectorSpec) -> Iterator[Problem]:
    if spec.deployment_model == "Kafka":
        for name in ("address", "topic"):
            if not getattr(spec.kafka, name):
                yield Problem(("kafka", name), f"the deployment model Kafka needs kafka.{name}")
        yield from _topic(spec.kafka)
    for index, exporter in enumerate(spec.exporters):
        needed = {
            "Kafka": {
                ("kafka", "address"): exporter.kafka.address,
                ("kafka", "topic"): exporter.kafka.topic,
            },
            "IPFIX": {("ipfix", "targetHost"): exporter.ipfix.target_host},
            "OpenTelemetry": {("openTelemetry", "targetHost"): exporter.open_telemetry.target_host},
        }[exporter.type]
        if exporter.type == "Kafka":
            for problem in _topic(exporter.kafka):
                yield problem.under("exporters", index)
        for at, value in needed.items():
            if not value:
                message = f"an exporter of type {exporter.type} needs {'.'.join(at)}"
                yield Problem(("exporters", index, *at), message)


def _topic(kafka: Kafka) -> Iterator[Problem]:
    """What is wrong with an address and the name of a topic, where they are given."""
    if kafka.address:
        try:
            address(kafka.address)
        except ValueError as error:
            yield Problem(("kafka", "address"), str(error), "for example kafka:9092")
    if kafka.topic:
        yield from validate.problems(kafka.topic, Topic, ("kafka", "topic"))


def _log_types(spec: FlowCollectorSpec) -> Iterator[Problem]:
    kind, at = spec.processor.log_types, ("processor", "logTypes")
    if kind == "Flows":
        return
    if not spec.loki.enable:
        yield Problem(at, f"log type {kind} needs Loki, which is off")
    if spec.deployment_model == "Service":
        message = f"log type {kind} is not possible with the deployment model Service"
        yield Problem(at, message, "connections need all their flows in one place: use Kafka")


def _labels(spec: FlowCollectorSpec) -> Iterator[Problem]:
    for index, label in enumerate(spec.processor.subnet_labels.custom_labels):
        for place, text in enumerate(label.cidrs):
            if cidr.network(text) is None:
                at = ("processor", "subnetLabels", "customLabels", index, "cidrs", place)
                message = f'label "{label.name}": "{text}" is not a valid CIDR'
                yield Problem(at, message, "such as 10.0.0.0/16")


def _metrics(spec: FlowCollectorSpec) -> Iterator[Problem]:
    metrics = spec.processor.metrics
    lists = {"includeList": metrics.include_list or [], "additionalIncludeList": []}
    lists["additionalIncludeList"] = metrics.additional_include_list
    for field, names in lists.items():
        for index, name in enumerate(names):
            if name not in predefined.NAMES:
                yield predefined.unknown(name, ("processor", "metrics", field, index))
    if metrics.server.tls.type == "Provided" and not metrics.server.tls.provided:
        at = ("processor", "metrics", "server", "tls", "provided")
        yield Problem(at, "tls of type Provided needs the certificate")
