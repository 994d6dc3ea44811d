"""What `matrix` reads: the counts of a run, a state, running workers, or a Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import typer
from msgspec import structs

from matrix import capture
from matrix.families import Series
from matrix.objects import Objects
from matrix.prometheus import NOTE, Prometheus
from pipeline.api import client, remote
from pipeline.api.remote import RemoteError
from pipeline.app.job import Job
from pipeline.cli.app import EX_CONFIG, load, require_end, say
from pipeline.cli.run import advance, conclude, judge
from pipeline.cli.sighting import Sighting, known, sighting
from pipeline.cli.sighting import inventory as inventory_of
from pipeline.config.loader import Config, ConfigError
from pipeline.decode.detect import is_recording
from pipeline.diagnostics import Diagnostic, Severity
from pipeline.files import is_file
from pipeline.kube.api.objects import of as objects_of
from pipeline.kube.subnets import Label, described
from pipeline.stage import Kind, Writer
from pipeline.state import checkpoint_file
from pipeline.state.count_store import counters
from pipeline.state.count_store import facts as facts_of

SETTINGS = frozenset({"stages", "pipeline", "parameters"})
"""What a pipeline file has at its top, and a flow never."""


_YAML = {".yaml", ".yml"}
_RECORDINGS = "protobuf messages, JSON objects, or a database of the netobserv CLI"
_UNNAMED = "the flows name no Kubernetes objects: --inventory FILE has those behind their addresses"


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
    takes the place of the sources of a pipeline file. `inventory` has the objects behind the flows.
    `config` is that pipeline, where it was loaded already.
    Of a Prometheus, the last `period` seconds count; it gets the token of `token_file`.
    """

    path: Path | None = None
    config: Config | None = None
    recording: Path | None = None
    inventory: Path | None = None
    state: Path | None = None
    servers: Sequence[str] = ()
    prometheus: str = ""
    period: float = 0.0
    token_file: Path | None = None

    def check(self, *ways: str) -> None:
        """Raises typer.BadParameter when it is not one origin; `ways` are the command's further."""
        given = [self.path or self.recording, self.state, self.servers, self.prometheus]
        if sum(map(bool, given)) != 1:
            *first, last = "FILE (or --input)", "--state DIR", "--server URL", *ways
            raise typer.BadParameter(f"give one of {', '.join(first)} and {last}")
        if self.inventory and self.prometheus:
            raise typer.BadParameter("--inventory is for edges, which Prometheus does not have")

    @property
    def pipeline(self) -> Path | None:
        """The pipeline file: `path`, or `recording` alone, where it is a file without flows."""
        if self.path:
            return None if is_recording(self.path, SETTINGS) else self.path
        alone = self.recording
        is_pipeline = alone and is_file(alone) and not is_recording(alone, SETTINGS)
        return alone if is_pipeline else None

    def read(self, namespaces: Sequence[str] = (), metrics: Sequence[str] = ()) -> Counted:
        """What was counted.

        Raises OSError, ValueError, CheckpointError, RemoteError and PrometheusError.
        """
        if self.state:
            tables = checkpoint_file.tables(self.state)
            series = {f.name: frame for f, frame in tables if f.kind is Kind.COUNTER}
            found = {family.name: frame for family, frame in tables if not family.exposed}
            return Counted(series, sighting(found, *inventory_of(self.inventory)))
        if self.servers:
            answers = {url: client.ask(url) for url in self.servers}
            about = inventory_of(self.inventory) if self.inventory else _asked(self.servers)
            return Counted(client.counters(answers), sighting(client.facts(answers), *about))
        if self.prometheus:
            token = remote.token(self.token_file) if self.token_file else ""
            server = Prometheus(self.prometheus, self.period, token)
            return Counted(server.series(namespaces, metrics), notes=(NOTE,))
        return self._run()

    def _run(self) -> Counted:
        """What a run over the whole input counts."""
        found = _counted(*self.configured())
        own = self.pipeline is None and not self.inventory
        if own and found.sighting and not found.sighting.named:
            found = found._replace(notes=(*found.notes, _UNNAMED))
        return found

    def configured(self) -> tuple[Config, Path | None]:
        """The pipeline that is run, and the recording that takes the place of its sources."""
        if (path := self.pipeline) is not None:
            if self.inventory and is_file(path):
                raise typer.BadParameter(f"--inventory is for recordings; {path} names its own")
            return self.config or _pipeline(path), self.recording if self.path else None
        if self.path and self.recording:
            raise typer.BadParameter(f"{self.path} is a recording, so --input is one too many")
        try:
            made = capture.pipeline_for(self.path or self.recording or Path(), self.inventory)
        except ConfigError as error:
            self._tell(error.problems)
            raise typer.Exit(EX_CONFIG) from None
        self._tell(made.warnings)
        return made, None

    def _tell(self, problems: Iterable[Diagnostic]) -> None:
        """Say what is wrong with the inventory, without the place in a pipeline nobody wrote.

        Other warnings are about that pipeline.
        """
        found = [one.problem for one in problems]
        found = [p for p in found if p.severity is Severity.ERROR or "inventory" in p.path]
        lines = (f"{p.place or self.inventory}: {p.severity}: {p.message}" for p in found)
        for line in dict.fromkeys(lines):
            say(line)


def _pipeline(path: Path) -> Config:
    """The pipeline of a file that is not a recording; one that is neither is told what could be."""
    try:
        return load(path)
    except typer.Exit:
        if is_file(path) and path.suffix not in _YAML:
            say(f"{path} is not a recording either: {_RECORDINGS}")
        raise


def only_read(config: Config) -> Config:
    """The pipeline for a command that only reads: without writers, and a file of dead letters."""
    stages = tuple(stage for stage in config.stages if not isinstance(stage, Writer))
    letters = structs.replace(config.settings.dead_letters, file="")
    settings = structs.replace(config.settings, dead_letters=letters)
    return replace(config, stages=stages, settings=settings)


def _counted(config: Config, recording: Path | None) -> Counted:
    """What a run to the end of the input counts. Raises typer.BadParameter if it has no end."""
    require_end(config, recording)
    job = Job(only_read(config), recording=recording)
    try:
        advance(job)
        about = known(job)
    finally:
        job.close()
    conclude(job)
    judge(job)
    rejected = job.telemetry.account(job.plan).all_rejects
    return Counted(counters(job.counts), sighting(facts_of(job.counts), *about), rejected)


def _asked(servers: Sequence[str]) -> tuple[Objects | None, list[Label]]:
    """The objects and labels that the first worker knows; none of a pipeline without objects."""
    try:
        items = client.inventory(servers[0]).items
    except RemoteError:
        return None, []
    return Objects.of(items), labels_of_workers(servers)


def labels_of_workers(servers: Sequence[str]) -> list[Label]:
    """The subnet labels of the first worker's pipeline; none where it does not tell."""
    try:
        return described([objects_of(client.labels(servers[0]))], [])
    except RemoteError:
        return []
