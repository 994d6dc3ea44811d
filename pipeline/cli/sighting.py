"""What was seen of edges: facts, and what is known about their ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from matrix import derive
from matrix.facts import Facts, facts
from matrix.objects import Objects
from pipeline.api import handlers
from pipeline.api.server import UnansweredError
from pipeline.app.job import Job
from pipeline.diagnostics import Problem, Severity
from pipeline.kube.inventory import file
from pipeline.kube.knowledge import LabelKnowledge
from pipeline.kube.subnets import Label, described
from pipeline.stage.edge_facts import EDGES


class Sighting(NamedTuple):
    """The facts about edges, and what is known about their ends: objects and subnet labels."""

    facts: Facts
    objects: Objects | None = None
    labels: Sequence[Label] = ()

    @property
    def named(self) -> bool:
        """Whether any end is an object of a cluster, or nothing was seen."""
        kinds = self.facts.edges.select("client_kind", "server_kind")
        return not kinds.height or any((column != "").any() for column in kinds)

    def edges(self) -> pl.DataFrame:
        """The edges (`matrix.edges.EDGES`)."""
        return derive.edges(self.facts, self.objects, self.labels)


def sighting(
    found: Mapping[str, pl.DataFrame], objects: Objects | None, labels: Sequence[Label]
) -> Sighting | None:
    """What families of facts say of edges; None where no stage counts them."""
    return Sighting(facts(found), objects, labels) if EDGES.name in found else None


def known(job: Job) -> tuple[Objects | None, list[Label]]:
    """The objects that the stages look addresses up in, and all present labels."""
    labels = [one.labels() for one in job.plan.knowledge if isinstance(one, LabelKnowledge)]
    found = [label for some in labels for label in some]
    try:
        items = handlers.inventory(job.live, job.resources).items
    except UnansweredError:
        return None, found
    return Objects.of(msgspec.json.decode(item) for item in items), found


def inventory(path: Path | None) -> tuple[Objects | None, list[Label]]:
    """The objects and labels of an inventory file. Raises OSError and ValueError."""
    if path is None:
        return None, []
    problems: list[Problem] = []
    objects = [found.object for found in file.read(path, problems)]
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise ValueError(f"{path}: {errors[0].message}")
    return Objects.of(objects), described(objects, problems)
