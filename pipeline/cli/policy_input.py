"""What the `policy` commands read: policies, edges, and the objects of a cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

import polars as pl
import typer

from matrix import edge_file
from pipeline.api import credentials
from pipeline.api.remote import RemoteError
from pipeline.app.outputs import inputs
from pipeline.cli.app import fail, load, refuse, refuse_argument, say
from pipeline.cli.series import SETTINGS, Origin, labels_of_workers
from pipeline.cli.sighting import Sighting
from pipeline.cli.subnet_labels import subnet_labels
from pipeline.config.loader import Config
from pipeline.decode.detect import is_recording
from pipeline.diagnostics import ConfigError, Problem, listed, nearest
from pipeline.files import entries
from pipeline.kube.api import objects
from pipeline.kube.api.errors import ConnectError, UnreachableError
from pipeline.kube.inventory import file as inventory_file
from pipeline.kube.subnets import Label, described
from pipeline.state.checkpoint_file import CheckpointError
from policy import files
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster

Policies = Annotated[
    list[str] | None,
    typer.Argument(metavar="POLICIES...", help="Files, folders or globs; or `cluster`."),
]
PoliciesOption = Annotated[
    list[str],
    typer.Option("--policies", "-p", metavar="POLICIES", help="Files or folders; or `cluster`."),
]
EdgesFile = Annotated[
    Path | None,
    typer.Option("--edges", metavar="FILE", help="Edges, as `matrix --format jsonl` prints them."),
]
Input = Annotated[
    Path | None,
    typer.Option(
        "--input", metavar="FILE", help="A recording; or a pipeline, to run on its input."
    ),
]
LabelsOf = Annotated[
    Path | None,
    typer.Option("--labels", metavar="CONFIG", help="Use the subnet labels of this pipeline."),
]
InventoryFile = Annotated[Path, typer.Option(metavar="FILE", help="The objects of the cluster.")]
InventoryOf = Annotated[
    Path | None,
    typer.Option(
        "--inventory",
        metavar="FILE",
        help="The objects of the cluster, if the pipeline of --input does not name them.",
    ),
]
IN_FORCE = "cluster"
"""Stands for the policies that the cluster has."""


class Objects:
    """The objects of an inventory file; problems are printed, those of policies end the command."""

    def __init__(self, path: Path) -> None:
        problems: list[Problem] = []
        self.manifests = list(inventory_file.manifests(path, problems))
        self.cluster = Cluster(self.manifests)
        found = map(objects.of, self.manifests)
        self.labels: list[Label] = described(found, problems)
        for problem in (*problems, *self.cluster.problems):
            say(f"{problem.severity}: {problem.message}")
        if not self.manifests:
            fail(f"{path}: it has no objects")

    def namespaces(self, edges: pl.DataFrame, asked: Sequence[str]) -> set[str]:
        """Those of pods and of edges; one that is asked for and not among them ends the command."""
        known = {pod.namespace for pod in self.cluster.pods.alike}
        known |= set(edges["client_namespace"]) | set(edges["server_namespace"])
        known -= {""}
        for name in asked:
            if name not in known:
                hint = nearest(name, known) or f"there are {listed(sorted(known))}"
                fail(f'nothing is in namespace "{name}"; {hint}')
        return known

    def policies(self, patterns: Sequence[str], argument: str = "POLICIES") -> list[NetworkPolicy]:
        """The policies of files, or with the one name `cluster` those in force."""
        if not patterns:
            raise typer.BadParameter("give POLICIES: files, folders or globs; or `cluster`")
        try:
            if list(patterns) == [IN_FORCE] and not Path(IN_FORCE).exists():
                self._tell_of_other_policies()
                return files.in_force(self.cluster.policies)
            found = files.load(patterns, Path())
        except ConfigError as error:
            refuse_argument(argument, error.problems)
        for warning in found.warnings:
            say(str(warning))
        return found.policies

    def _tell_of_other_policies(self) -> None:
        """Policies of other kinds decide too, before or beside those of Kubernetes."""
        kinds = Counter(str(one["kind"]) for one in self.cluster.others)
        for kind, number in sorted(kinds.items()):
            if kind.endswith("NetworkPolicy"):
                say(f"warning: {number} {kind} in the cluster are not judged")


@runtime_checkable
class FromInventory(Protocol):
    """A stage that may have the objects of an inventory file; relative to the pipeline's folder."""

    inventory: str


class Given:
    """What the options name: one of a file of edges, a recording or pipeline, a state, workers."""

    def __init__(
        self,
        edges: Path | None,
        path: Path | None,
        state: Path | None,
        servers: Sequence[str] | None,
    ) -> None:
        if sum(map(bool, (edges, path, state, servers))) != 1:
            raise typer.BadParameter(
                "give one of --edges FILE, --input FILE, --state DIR and --server URL"
            )
        self._edges = edges
        self._is_recording = path is not None and is_recording(path, SETTINGS)
        self._config = load(path) if path and not self._is_recording else None
        self._labelled = self._config
        self._origin = Origin(
            path=path, config=self._config, state=state, servers=tuple(servers or ())
        )

    def inventory(self, given: Path | None) -> Path:
        """The file of the objects: the one that is given, or that of the pipeline that is run."""
        if given:
            return given
        for stage in self._config.stages if self._config else ():
            if self._config and isinstance(stage, FromInventory) and stage.inventory:
                return self._config.folder / stage.inventory
        raise typer.BadParameter("give --inventory FILE, the objects of the cluster")

    def labels(self, given: Path | None, listed: Sequence[Label]) -> list[Label]:
        """The subnet labels of the pipeline that is run, or of the workers, as their page has them.

        Where these have none, those that are `listed` among the objects of the inventory; those of
        the pipeline that is given come before them.
        """
        if given:
            self._labelled = load(given)
            return [*_labels(self._labelled), *listed]
        if self._origin.servers:
            return labels_of_workers(self._origin.servers) or list(listed)
        return (_labels(self._config) if self._config else []) or list(listed)

    def files(self) -> list[Path]:
        """The files that are read, those that pipelines name too."""
        pipelines = [one for one in (self._config, self._labelled) if one]
        found = [file for one in pipelines for file in inputs(one)]
        origin = self._origin
        found += [one for one in (self._edges, origin.path, origin.recording) if one]
        found += entries(origin.state) if origin.state else []
        return [*found, *credentials.files()] if origin.servers else found

    def read(self, inventory: Path) -> pl.DataFrame:
        """The frame of EDGES; a recording or a state is read with the objects of the inventory."""
        if self._edges:
            return _from_file(self._edges)
        return self.sighting(inventory).edges()

    def sighting(self, inventory: Path | None = None) -> Sighting:
        """What was counted of edges, with the objects of the inventory where none are known."""
        if self._edges:
            raise typer.BadParameter("--edges has edges, and no verdicts: give another source")
        needs_objects = self._origin.state or self._is_recording
        origin = replace(self._origin, inventory=inventory if needs_objects else None)
        try:
            sighting = origin.read().sighting
        except (OSError, ValueError, CheckpointError, RemoteError) as error:
            fail(error)
        if sighting is None:
            fail("no edges are counted: add a stage of type encode_matrix")
        return sighting


def labels_of(path: Path) -> list[Label]:
    """The subnet labels of a pipeline file."""
    return _labels(load(path))


def _labels(config: Config) -> list[Label]:
    try:
        return subnet_labels(config)
    except (ConnectError, UnreachableError) as error:
        fail(error)


def _from_file(path: Path) -> pl.DataFrame:
    try:
        return edge_file.load(path)
    except OSError as error:
        fail(error)
    except ConfigError as error:
        refuse(error)
