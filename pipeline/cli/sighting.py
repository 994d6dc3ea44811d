"""What was seen of edges: facts, and what is known about their ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from matrix import derive
from matrix.facts import Facts, facts
from matrix.objects import Objects
from matrix.select import select
from pipeline.api import handlers
from pipeline.api.handlers import Known
from pipeline.api.server import UnansweredError
from pipeline.app.job import Job
from pipeline.cli.app import say
from pipeline.diagnostics import Problem, Severity, listed, nearest
from pipeline.kube.inventory import file
from pipeline.kube.knowledge import in_order
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


def namespaces(edges: pl.DataFrame) -> list[str]:
    """The namespaces of the ends of edges (`matrix.edges.EDGES`), sorted."""
    ends = pl.concat([edges["client_namespace"], edges["server_namespace"]])
    return sorted(set(ends.unique().to_list()) - {""})


def warn_of_unseen(asked: Sequence[str], seen: Sequence[str]) -> bool:
    """Tell about namespaces that were asked for and not seen; whether there are any."""
    unseen = [name for name in asked if name not in seen]
    for missing in unseen:
        there = f"there are {listed(seen)}" if seen else "no flow has a namespace"
        hint = nearest(missing, seen) or there
        say(f'warning: nothing was seen of namespace "{missing}"; {hint}')
    return bool(unseen)


def warn_of_unmatched(edges: pl.DataFrame, ends: Sequence[str]) -> bool:
    """Tell about ends that were asked for (as `matrix.select.select` takes them) and not seen.

    Whether there are any.
    """
    unmatched = [end for end in ends if select(edges, peer=end).is_empty()]
    for missing in unmatched:
        hint = nearest(missing, _names(edges)) or "an address with a subnet label has its name"
        say(f'warning: no edge has the end "{missing}"; {hint}')
    return bool(unmatched)


def _names(edges: pl.DataFrame) -> set[str]:
    """What ends may be called: a namespace, "namespace/workload", a node or a label."""
    sides = [
        edges.select(
            space := pl.col(f"{side}_namespace"),
            work := pl.col(f"{side}_workload"),
            pl.concat_str(space, work, separator="/").alias("both"),
            pl.col(f"{side}_label"),
        )
        for side in ("client", "server")
    ]
    return {text for frame in sides for column in frame for text in column} - {""}


def known(job: Job) -> tuple[Objects | None, list[Label]]:
    """The objects that the stages look addresses up in, and all present labels."""
    found, labels = told(job)
    return objects_of(found) if found else None, labels


def objects_of(known: Known) -> Objects:
    """What is known of a cluster, as edges depend on it."""
    return Objects.known(known.dump, known.endpoints())


def told(job: Job) -> tuple[Known | None, list[Label]]:
    """What the stages know of the cluster's objects (None: nothing), and the labels in order."""
    found = in_order(job.plan.knowledge)
    try:
        return handlers.known(job.live, job.resources), found
    except UnansweredError:
        return None, found


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
