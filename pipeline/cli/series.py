"""What `matrix` reads: the counts of a run, a state, running workers, or a Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl
import typer

from matrix import capture, derive
from matrix.facts import Facts, facts
from matrix.families import Series
from matrix.objects import Objects
from matrix.prometheus import NOTE, Prometheus
from pipeline.api import client
from pipeline.api.client import RemoteError
from pipeline.app.job import Job
from pipeline.cli.app import EX_CONFIG, load, require_end, say
from pipeline.cli.run import advance, conclude, judge
from pipeline.config.loader import Config, ConfigError
from pipeline.decode.detect import is_recording
from pipeline.diagnostics import Problem, Severity
from pipeline.kube.api.objects import of as objects_of
from pipeline.kube.inventory import file
from pipeline.kube.inventory.export import manifests
from pipeline.kube.knowledge import LabelKnowledge, ObjectKnowledge
from pipeline.kube.subnets import Label, described
from pipeline.stage import Kind
from pipeline.stage.edge_facts import EDGES
from pipeline.state import checkpoint_file
from pipeline.state.count_store import counters
from pipeline.state.count_store import facts as facts_of

SETTINGS = frozenset({"stages", "pipeline", "parameters"})
"""What a pipeline file has at its top, and a flow never."""


class Sighting(NamedTuple):
    """The facts about edges, and what is known about their ends: objects and subnet labels."""

    facts: Facts
    objects: Objects | None = None
    labels: Sequence[Label] = ()

    def edges(self) -> pl.DataFrame:
        """The edges (`matrix.edges.EDGES`)."""
        return derive.edges(self.facts, self.objects, self.labels)


class Counted(NamedTuple):
    """Series by metric, and what was seen of edges, where a stage counts them.

    `rejected`: messages and flows that could not be used, where it is known; `notes`: what a reader
    should know.
    """

    series: Series
    sighting: Sighting | None = None
    rejected: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where series come from: one of `path`, `state`, `servers` and `prometheus`.

    `path` is a pipeline file, or a recording that goes through a pipeline of our own; `recording`
    takes the place of the sources of a pipeline file. `inventory` has the objects of a recording.
    Of a Prometheus, the last `period` seconds count; it gets the token of `token_file`.
    """

    path: Path | None = None
    recording: Path | None = None
    inventory: Path | None = None
    state: Path | None = None
    servers: Sequence[str] = ()
    prometheus: str = ""
    period: float = 0.0
    token_file: Path | None = None

    def check(self) -> None:
        """Raises typer.BadParameter when it is not one origin."""
        given = [self.path or self.recording, self.state, self.servers, self.prometheus]
        if sum(map(bool, given)) != 1:
            raise typer.BadParameter(
                "give one of FILE (or --input), --state DIR, --server URL and --prometheus URL"
            )
        if self.inventory and not (self.path or self.recording or self.state):
            raise typer.BadParameter("--inventory is for recordings and states")

    def read(self, namespaces: Sequence[str] = (), metrics: Sequence[str] = ()) -> Counted:
        """What was counted.

        Raises OSError, ValueError, CheckpointError, RemoteError and PrometheusError.
        """
        if self.state:
            tables = checkpoint_file.tables(self.state)
            series = {f.name: frame for f, frame in tables if f.kind is Kind.COUNTER}
            found = {family.name: frame for family, frame in tables if not family.exposed}
            return Counted(series, _sighting(found, *_inventory(self.inventory)))
        if self.servers:
            answers = {url: client.ask(url) for url in self.servers}
            known = _asked(self.servers)
            return Counted(client.counters(answers), _sighting(client.facts(answers), *known))
        if self.prometheus:
            token = self.token_file.read_text(encoding="utf-8").strip() if self.token_file else ""
            server = Prometheus(self.prometheus, self.period, token)
            return Counted(server.series(namespaces, metrics), notes=(NOTE,))
        return self._run()

    def _run(self) -> Counted:
        """What a run over the whole input counts."""
        if self.path and not is_recording(self.path, SETTINGS):
            if self.inventory:
                raise typer.BadParameter(
                    f"--inventory is for recordings; {self.path} names its own"
                )
            return _counted(load(self.path), self.recording)
        if self.path and self.recording:
            raise typer.BadParameter(f"{self.path} is a recording, so --input is one too many")
        try:
            config = capture.pipeline_for(self.path or self.recording or Path(), self.inventory)
        except ConfigError as error:
            for one in error.problems:
                say(f"{one.problem.place or self.inventory}: error: {one.problem.message}")
            raise typer.Exit(EX_CONFIG) from None
        return _counted(config, None)


def _counted(config: Config, recording: Path | None) -> Counted:
    """What a run to the end of the input counts. Raises typer.BadParameter if it has no end."""
    require_end(config, recording)
    job = Job(config, recording=recording)
    try:
        advance(job)
        known = _known(job)
    finally:
        job.close()
    conclude(job)
    judge(job)
    rejected = job.telemetry.account(job.plan).all_rejects
    return Counted(counters(job.counts), _sighting(facts_of(job.counts), *known), rejected)


def _sighting(
    found: Mapping[str, pl.DataFrame], objects: Objects | None, labels: Sequence[Label]
) -> Sighting | None:
    return Sighting(facts(found), objects, labels) if EDGES.name in found else None


def _known(job: Job) -> tuple[Objects | None, list[Label]]:
    """The objects of the stages' inventories or indexes, and all present labels."""
    labels = [one.labels() for one in job.plan.knowledge if isinstance(one, LabelKnowledge)]
    indexes = [one.index for one in job.plan.knowledge if isinstance(one, ObjectKnowledge)]
    files = [getattr(stage, "inventory", "") for stage in job.config.stages]
    found = [label for some in labels for label in some]
    for name in filter(None, files):
        return _inventory(job.config.folder / name)[0], found
    return (Objects.of(manifests(indexes[0].dump())) if indexes else None), found


def _inventory(path: Path | None) -> tuple[Objects | None, list[Label]]:
    """The objects and labels of an inventory file. Raises OSError and ValueError."""
    if path is None:
        return None, []
    problems: list[Problem] = []
    objects = [found.object for found in file.read(path, problems)]
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise ValueError(f"{path}: {errors[0].message}")
    return Objects.of(objects), described(objects, problems)


def _asked(servers: Sequence[str]) -> tuple[Objects | None, list[Label]]:
    """The objects and labels that the first worker knows; none of a pipeline without objects."""
    try:
        items = client.inventory(servers[0]).items
    except RemoteError:
        return None, []
    return Objects.of(items), described(map(objects_of, items), [])
