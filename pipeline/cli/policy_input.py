"""What the `policy` commands read: policies, edges, and the objects of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from matrix.edges import EDGES
from pipeline.cli.app import fail, refuse, say
from pipeline.diagnostics import ConfigError, Problem
from pipeline.kube.api import objects
from pipeline.kube.inventory import file as inventory_file
from pipeline.kube.subnets import Label, described
from policy import files
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster

Policies = Annotated[
    list[str],
    typer.Argument(metavar="POLICIES...", help="Files, folders or globs; or `cluster`."),
]
PoliciesOption = Annotated[
    list[str],
    typer.Option("--policies", "-p", metavar="POLICIES", help="Files or folders; or `cluster`."),
]
EdgesFile = Annotated[Path, typer.Option("--edges", metavar="FILE", help="Edges as JSON lines.")]
InventoryFile = Annotated[Path, typer.Option(metavar="FILE", help="The objects of the cluster.")]
IN_FORCE = "cluster"
"""Stands for the policies that the cluster has."""


class Objects:
    """The objects of an inventory file; problems are printed, those of policies end the command."""

    def __init__(self, path: Path) -> None:
        problems: list[Problem] = []
        manifests = list(inventory_file.manifests(path, problems))
        self.manifests = manifests
        self.cluster = Cluster(manifests)
        found = (objects.of(one) for one in manifests)
        self.labels: list[Label] = described(found, problems)
        for problem in (*problems, *self.cluster.problems):
            say(f"{problem.severity}: {problem.message}")
        if not manifests:
            fail(f"{path}: it has no objects")

    def policies(self, patterns: list[str]) -> list[NetworkPolicy]:
        """The policies of files, or with the one name `cluster` those in force."""
        try:
            if patterns == [IN_FORCE] and not Path(IN_FORCE).exists():
                return files.in_force(self.cluster.policies)
            found = files.load(patterns, Path())
        except ConfigError as error:
            refuse(error)
        for warning in found.warnings:
            say(str(warning))
        return found.policies


def edges(path: Path) -> pl.DataFrame:
    """The frame of EDGES in a file of JSON lines."""
    try:
        return pl.read_ndjson(path, schema=EDGES)
    except (OSError, pl.exceptions.PolarsError) as error:
        fail(f"{path}: {error}")
