"""FlowCollectors for tests, from the fields of their spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.config.flowcollector import Collector, load
from pipeline.config.flowcollector.pipeline import Pipeline, build
from pipeline.config.flowcollector.spec import API_VERSION, KIND

KAFKA = {"deploymentModel": "Kafka", "kafka": {"address": "kafka:9092", "topic": "flows"}}
NO_LOKI = {"loki": {"enable": False}}
OPENSHIFT = [
    {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Network",
        "metadata": {"name": "cluster"},
        "spec": {
            "clusterNetwork": [{"cidr": "10.128.0.0/14", "hostPrefix": 23}],
            "serviceNetwork": ["172.30.0.0/16"],
        },
    },
    {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ClusterVersion",
        "metadata": {"name": "version"},
        "spec": {"clusterID": "0123-4567"},
    },
]


def document(**spec: Any) -> dict[str, Any]:
    """A FlowCollector with these fields."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "cluster"},
        "spec": spec,
    }


def written(folder: Path, *documents: dict[str, Any]) -> Path:
    """A file with these objects."""
    path = folder / "collector.yaml"
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    return path


def collector(folder: Path, *others: dict[str, Any], **spec: Any) -> Collector:
    """A FlowCollector that was read, with other objects in its file."""
    return load(written(folder, document(**spec), *others))


def pipeline(folder: Path, *others: dict[str, Any], **spec: Any) -> Pipeline:
    """Its pipeline in the dialect."""
    return build(collector(folder, *others, **spec))


def block(made: Pipeline, name: str) -> dict[str, Any]:
    """What the stage of a name is told, below its kind and type."""
    (found,) = (one for one in made.document["parameters"] if one["name"] == name)
    (kind,) = found.keys() - {"name"}
    told: dict[str, Any] = found[kind][found[kind]["type"]]
    return told


def edges(made: Pipeline) -> dict[str, str]:
    """The stage behind which each stage stands."""
    return {one["name"]: one.get("follows", "") for one in made.document["pipeline"]}
