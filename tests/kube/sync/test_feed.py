"""Feeds of every kind are waited for, say what is wrong, and measure themselves alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.sync.feed import Feed, Measure
from pipeline.kube.sync.flowmetrics import FlowMetricFeed
from pipeline.kube.sync.index import Watch
from pipeline.kube.sync.subnet_labels import LabelFeed
from pipeline.stage.resources import Monitored, ResourcePool
from tests.kube.live import NOWHERE, until
from tests.real.apiserver import ApiServer
from tests.real.cluster import define, flowmetrics, kubeconfig

MAKERS: dict[str, Callable[[ClusterConnection], Feed]] = {
    "Watch": lambda connection: Watch(connection, IndexOptions()),
    "LabelFeed": LabelFeed,
    "FlowMetricFeed": lambda connection: FlowMetricFeed(connection, []),
}
KINDS = {
    "Watch": {"Node", "Service", "ReplicaSet", "Deployment", "Pod"},
    "LabelFeed": {"Node", "ServiceCIDR"},
    "FlowMetricFeed": {"FlowMetric"},
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_feed_without_a_server_is_not_ready_and_says_why(name: str, tmp_path: Path) -> None:
    """Readiness and self-metrics know every reflector of every feed."""
    path = tmp_path / "kubeconfig"
    path.write_text(NOWHERE)
    pool = ResourcePool()
    with closing(pool):
        feed = pool.acquire((Feed, name), lambda: MAKERS[name](ClusterConnection(path)))
        assert isinstance(feed, Monitored)
        until(lambda: sum("refused" in text for text in pool.waiting()) >= len(KINDS[name]))
        assert pool.waiting() == feed.waiting()
        assert set(feed.waiting()) <= set(pool.problems())
        measured = {(metric, labels): value for metric, value, labels in pool.self_metrics()}
        assert {labels[0] for _, labels in measured} == KINDS[name]
        for kind in KINDS[name]:
            assert measured["kube_synced", (kind,)] == 0.0
            assert measured["kube_objects", (kind,)] == 0.0
            assert measured["kube_errors", (kind, "connection")] > 0
        assert feed.wait(0.0) is False
        assert feed.wait(3600.0, patience=0.1) is False, "all that it waits for only fails"
        stopping = threading.Event()
        stopping.set()
        with pytest.raises(InterruptedError):
            feed.wait(60.0, stopping)


@pytest.mark.parametrize("name", MAKERS)
def test_a_feed_is_ready_when_all_is_listed(
    name: str, kube_server: ApiServer, tmp_path: Path
) -> None:
    """On a real API server each feed becomes ready, and says so in its self-metrics."""
    define(kube_server, flowmetrics())
    connection = ClusterConnection(kubeconfig(kube_server, tmp_path))
    with closing(MAKERS[name](connection)) as feed:
        assert feed.wait(60.0)
        until(lambda: feed.problems() == [])
        measured = {labels: value for metric, value, labels in feed.measure() if "synced" in metric}
        assert measured == {(kind,): 1.0 for kind in KINDS[name]}


def test_feeds_of_the_same_kind_are_measured_together(tmp_path: Path) -> None:
    """Both follow nodes: what either lacks shows, and errors are summed."""
    path = tmp_path / "kubeconfig"
    path.write_text(NOWHERE)
    pool = ResourcePool()
    with closing(pool):
        connection = ClusterConnection(path)
        feeds = [
            pool.acquire((Feed, name), partial(MAKERS[name], connection))
            for name in ("Watch", "LabelFeed")
        ]

        def errors(measures: list[Measure]) -> float:
            return sum(v for m, v, labels in measures if (m, labels[0]) == ("kube_errors", "Node"))

        until(lambda: all(errors(list(feed.measure())) > 0 for feed in feeds))
        for feed in feeds:
            feed.close()
        names = [(metric, labels) for metric, _, labels in pool.self_metrics()]
        assert len(names) == len(set(names))
        each = sum(errors(list(feed.measure())) for feed in feeds)
        assert errors(pool.self_metrics()) == each
