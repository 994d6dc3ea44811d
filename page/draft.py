"""Policies of a namespace held against what was seen there: the draft, or those in force."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

from page.query import refused
from page.source import Seen
from pipeline.diagnostics import ConfigError, nearest
from policy import files
from policy.generate.build import Options, generate
from policy.generate.dns import NoResolverError
from policy.generate.draft import Draft
from policy.generate.objects import Kind, manifests
from policy.generate.report import Report
from policy.networkpolicy import Direction, NetworkPolicy, parse_all
from policy.objects import Cluster, Manifest


class Which(StrEnum):
    """Which policies are meant."""

    DRAFT = "draft"
    IN_FORCE = "in_force"


class Policies(NamedTuple):
    """Policies, as objects and read; `report` is what generating a draft said.

    The objects of a draft are made anew whenever somebody goes through them.
    """

    manifests: Iterable[Manifest]
    read: Sequence[NetworkPolicy]
    report: Report | None = None


def objects(seen: Seen) -> Cluster:
    """The cluster's objects. Raises UnansweredError (404) where none are known."""
    if next(iter(seen.manifests), None) is None:
        why = "no objects of the cluster are known: give the stage that looks them up an inventory"
        raise refused(why, HTTPStatus.NOT_FOUND)
    return Cluster(seen.manifests)


def check_namespaces(seen: Seen, cluster: Cluster, asked: Sequence[str]) -> None:
    """Raises UnansweredError (404) for a namespace that nothing is in."""
    known = {pod.namespace for pod in cluster.pods.alike}
    edges = seen.edges()
    known |= {*edges["client_namespace"].unique(), *edges["server_namespace"].unique()}
    known -= {""}
    for name in asked:
        if name not in known:
            hint = nearest(name, known) or f"there are {', '.join(sorted(known)[:20]) or 'none'}"
            raise refused(f'nothing is in namespace "{name}"; {hint}', HTTPStatus.NOT_FOUND)


def draft(
    seen: Seen, cluster: Cluster, options: Options, direction: Direction | None = None
) -> Policies:
    """The policies for what was seen, of one direction if it is given. Raises UnansweredError."""
    try:
        found = generate(seen.edges(), seen.manifests, seen.labels, options, cluster)
    except NoResolverError as error:
        raise refused(str(error)) from error
    kept = [one for one in found.drafts if direction is None or direction in one.rules]
    made = _Manifests([_of(one, direction) for one in kept], found.report)
    return Policies(made, parse_all(made), found.report)


class _Manifests:
    """The policies of drafts as objects; thousands of rules take megabytes, one policy little."""

    def __init__(self, drafts: Sequence[Draft], report: Report) -> None:
        self._drafts, self._report = drafts, report

    def __iter__(self) -> Iterator[Manifest]:
        return manifests(self._drafts, Kind.NETWORK_POLICY, self._report)


UNLISTED = (
    "no network policy is among the known objects of the cluster: it has none, or they were not "
    "listed (a worker does not follow them; flowmatrix inventory lists them)"
)


def knows_policies(cluster: Cluster) -> bool:
    """Whether it is known which policies are in force: one that is listed shows that they are."""
    return bool(cluster.policies)


def in_force(cluster: Cluster) -> Policies:
    """The policies that the cluster has. Raises UnansweredError (409) for one that is not valid."""
    try:
        return Policies(cluster.policies, files.in_force(cluster.policies))
    except ConfigError as error:
        raise refused("; ".join(map(str, error.problems)), HTTPStatus.CONFLICT) from error


def _of(one: Draft, direction: Direction | None) -> Draft:
    return one._replace(rules={direction: one.rules[direction]}) if direction else one
