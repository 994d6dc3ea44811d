"""Policies that are drafted, and those in force."""

from __future__ import annotations

import pytest

from page.draft import check_namespaces, draft, in_force, objects
from pipeline.api.server import UnansweredError
from policy.generate.build import Options
from policy.networkpolicy import Direction
from tests.support.seen import NO_QUESTIONS, reference_seen, seen

SEEN = reference_seen()


def test_a_draft_is_read_as_it_is_written() -> None:
    found = draft(SEEN, objects(SEEN), Options(namespaces=("netobserv",)))
    assert [str(one) for one in found.read] == [
        *("netobserv/flowlogs-pipeline", "netobserv/netobserv-plugin")
    ]
    for _ in range(2):  # they are made anew
        made = [one["metadata"]["name"] for one in found.manifests]
        assert made == [one.name for one in found.read]
    assert found.report
    assert (found.report.established, found.report.ruled) == (27, 27)


def test_a_draft_of_one_direction() -> None:
    found = draft(SEEN, objects(SEEN), Options(namespaces=("netobserv",)), Direction.EGRESS)
    assert {one.directions for one in found.read} == {frozenset({Direction.EGRESS})}


def test_the_cluster_of_the_reference_has_no_policies() -> None:
    cluster = objects(SEEN)
    assert in_force(cluster) == ([], [], None)
    check_namespaces(SEEN, cluster, ["netobserv", "noo-loki"])
    with pytest.raises(UnansweredError, match='did you mean "netobserv"'):
        check_namespaces(SEEN, cluster, ["netobserv", "netobsrv"])


def test_without_objects() -> None:
    with pytest.raises(UnansweredError, match="no objects of the cluster are known"):
        objects(seen(SEEN.edges())._replace(questions=NO_QUESTIONS))
