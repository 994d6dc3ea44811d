"""The edges of the reference scenario, counted from its flows, and its objects and labels."""

from __future__ import annotations

from functools import cache
from typing import Any

import polars as pl

from pipeline.kube.subnets import Label
from simulate.reference import reference
from tests.support.edges import edges_of


def labels() -> list[Label]:
    """The subnet labels of the scenario, in order."""
    return [Label(name, list(cidrs)) for name, cidrs in reference().labels]


def manifests() -> list[dict[str, Any]]:
    """The objects of the scenario."""
    return reference().cluster.manifests


@cache
def edges() -> pl.DataFrame:
    """All edges of the scenario."""
    scenario = reference()
    return edges_of(scenario.cluster, scenario.frames, labels())
