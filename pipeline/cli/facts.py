"""The facts about edges that commands read: of a run, a state, or running workers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from matrix import derive
from matrix.facts import Facts, facts
from matrix.objects import Objects
from pipeline.api import client
from pipeline.api.client import RemoteError
from pipeline.app.job import Job
from pipeline.cli.app import load, require_end
from pipeline.cli.run import advance, conclude, judge
from pipeline.config.loader import Config
from pipeline.kube.inventory.export import manifests
from pipeline.kube.knowledge import LabelKnowledge, ObjectKnowledge
from pipeline.kube.subnets import Label
from pipeline.stage import BuildContext, ResourceTransform
from pipeline.stage.built import Knowledge
from pipeline.state import checkpoint_file, count_store


class Sighting(NamedTuple):
    """What was seen: facts, the objects of the cluster where they are known, subnet labels."""

    facts: Facts
    objects: Objects | None = None
    labels: Sequence[Label] = ()

    def edges(self, labels: Sequence[Label] = ()) -> pl.DataFrame:
        """The edges (`matrix.edges.EDGES`), with the labels given besides those seen."""
        return derive.edges(self.facts, self.objects, [*self.labels, *labels])


def of_config(path: Path, recording: Path | None = None) -> Sighting:
    """Of a run of a pipeline file to the end of its input, or of a recording in its place.

    Raises NoFactsError.
    """
    config = load(path)
    require_end(config, recording)
    job = Job(config, recording=recording)
    try:
        advance(job)
        known = _objects(job.plan.knowledge)
        seen = Sighting(facts(count_store.facts(job.counts)), known, _labels(job.plan.knowledge))
    finally:
        job.close()
    conclude(job)
    judge(job)
    return seen


def of_state(folder: Path) -> Sighting:
    """Of the state of an earlier run. Raises CheckpointError and NoFactsError."""
    tables = checkpoint_file.tables(folder)
    return Sighting(facts({family.name: frame for family, frame in tables}))


def of_servers(servers: Sequence[str]) -> Sighting:
    """Of running workers, and the objects that the first one knows.

    Raises RemoteError and NoFactsError.
    """
    found = facts(client.facts({url: client.ask(url) for url in servers}))
    try:
        known = Objects.of(client.inventory(servers[0]).items)
    except RemoteError:  # a pipeline without objects
        known = None
    return Sighting(found, known)


def labels_of(config: Config) -> list[Label]:
    """The subnet labels of a configuration's stages; a cluster is not asked."""
    context = BuildContext(folder=config.folder)
    stages = [stage for stage in config.stages if isinstance(stage, ResourceTransform)]
    built = [stage.build(context).knowledge for stage in stages if stage.type == "subnet_label"]
    return _labels(filter(None, built))


def _objects(knowledge: Iterable[Knowledge]) -> Objects | None:
    indexes = [one.index for one in knowledge if isinstance(one, ObjectKnowledge)]
    return Objects.of(manifests(indexes[0].dump())) if indexes else None


def _labels(knowledge: Iterable[Knowledge]) -> list[Label]:
    labels = [one.labels() for one in knowledge if isinstance(one, LabelKnowledge)]
    return [label for some in labels for label in some]
