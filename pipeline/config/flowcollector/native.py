"""The pipeline of a FlowCollector in the native form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.config import flp
from pipeline.config.dump import dump, dump_plain
from pipeline.config.flowcollector import features
from pipeline.config.flowcollector.pipeline import PREFIX, PROMETHEUS, Pipeline
from pipeline.config.flowcollector.spec import FlowCollectorSpec
from pipeline.diagnostics import ConfigError, Diagnostic, Location, Severity
from pipeline.yaml import document as documents

_METRICS = "metrics"


def native(pipeline: Pipeline, spec: FlowCollectorSpec, files: list[str]) -> str:
    """The native YAML of a pipeline.

    Metrics are named and not written out: predefined ones, and FlowMetrics of `files`. Labels that
    could not be derived follow the cluster. Raises ConfigError when a stage has no native form.
    """
    name = "the pipeline"
    written = documents.load(dump_plain(_unmeasured(pipeline.document)), name)
    translated = flp.translate(written)
    refused = [
        Diagnostic(Location(name), problem)
        for problem in translated.problems
        if problem.severity is Severity.ERROR
    ]
    if refused:
        raise ConfigError(refused)
    stages = [stage for one in translated.stages for stage in _expanded(one, spec, files)]
    for stage in stages:
        if pipeline.live and stage["type"] == "subnet_label":
            stage["cluster"] = {}
    return dump(stages, translated.settings)


def _unmeasured(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the items of its metrics, which native stages name."""
    parameters = [
        {**one, "encode": {"type": "prom"}} if one["name"] == PROMETHEUS else one
        for one in document["parameters"]
    ]
    return {**document, "parameters": parameters}


def _expanded(
    stage: dict[str, Any], spec: FlowCollectorSpec, files: list[str]
) -> Iterator[dict[str, Any]]:
    """The stage; two for the encoder of metrics."""
    if stage["name"] != PROMETHEUS:
        yield stage
        return
    labels = features.labels(spec)
    optional = {
        "zone": labels.zone,
        "multi_cluster": labels.cluster,
        "network": labels.network,
        "record_type": features.counted_records(spec),
        "files": files,
    }
    given = {key: value for key, value in optional.items() if value}
    follows, names = stage["follows"], features.metrics(spec)
    macro = {"name": _METRICS, "type": "flow_metrics", "follows": follows, "predefined": names}
    yield {**macro, **given}
    yield {
        "name": PROMETHEUS,
        "type": "encode_prometheus",
        "follows": _METRICS,
        "prefix": PREFIX,
    }
