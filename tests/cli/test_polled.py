"""The page's source of workers and states: the same until something has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from matrix.facts import NoFactsError
from page.policy import Asked, whole
from pipeline.api.server import UnansweredError
from pipeline.app.job import Job
from pipeline.cli import edge_api
from pipeline.cli.polled import Polled
from pipeline.cli.series import Origin
from pipeline.config.loader import load
from simulate import Simulation
from tests.support.hostile import answered, hostile

pytestmark = pytest.mark.slow


def again(source: Polled) -> None:
    """As if time had passed."""
    source._next = 0.0


def test_a_worker(made: Simulation) -> None:
    """Merged as `matrix --server` has it, with its objects and labels; it may be away for a while.

    So its policies are the same as on the page of the worker itself.
    """
    job = Job(load(made.config))
    job.run()
    with job.server("127.0.0.1:0") as server:
        source = Polled(Origin(servers=[server.url]), None)
        seen = source.read()
        assert seen.edges().equals(edge_api.Edges(job).read().edges())
        assert {one["kind"] for one in seen.manifests} >= {"Pod", "Node"}
        assert [one.name for one in seen.labels] == [
            *("AWS_S3_eu-west-3", "Machines", "Pods", "Services")
        ]
        own, question = edge_api.Edges(job).read(), Asked(namespace="netobserv")
        assert whole(seen, question) == whole(own, question)
        again(source)
        assert source.read() is seen
    again(source)
    with pytest.raises(UnansweredError, match="cannot ask http://127"):
        source.read()
    job.close()


class Counted:
    """An answer, and how often somebody has asked for it."""

    def __init__(self, answer: bytes) -> None:
        self.times, self._answer = 0, answer

    def __iter__(self) -> Iterator[bytes]:
        self.times += 1
        return iter([self._answer])


def test_a_worker_that_fails_is_not_asked_by_each_who_waits(
    made: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that says nothing, all views of the page waited in turn, half a minute each."""
    monkeypatch.setattr("pipeline.cli.polled._LEAST", 3600.0)
    job = Job(load(made.config))
    answer = Counted(answered(b'{"error": "no memory"}', "500 Internal Server Error"))
    with job.server("127.0.0.1:0") as good, hostile(answer) as bad:
        source = Polled(Origin(servers=[good.url, bad]), None)
        for _ in range(3):
            with pytest.raises(UnansweredError, match=f"cannot ask {bad}/api/v0/totals: no memory"):
                source.read()
        assert answer.times == 1
        again(source)
        with pytest.raises(UnansweredError, match="no memory"):
            source.read()
        assert answer.times == 2
    job.close()


def test_a_state_that_another_run_changes(made: Simulation, tmp_path: Path) -> None:
    source = Polled(Origin(state=tmp_path, inventory=made.inventory), tmp_path / "approved.yaml")
    with pytest.raises(UnansweredError, match="state"):
        source.read()
    job = Job(load(made.config), state=tmp_path)
    job.run()
    job.close()
    again(source)
    seen = source.read()
    assert seen.edges().height > 0
    assert seen.manifests
    assert source.read() is seen


def test_a_worker_without_edges(made: Simulation) -> None:
    job = Job(load(made.flp_config))
    with job.server("127.0.0.1:0") as server, pytest.raises(NoFactsError):
        Polled(Origin(servers=[server.url]), None).read()
    job.close()
