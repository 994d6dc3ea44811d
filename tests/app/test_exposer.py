"""Expositions of a run: with and without self-metrics of resources, some metrics, at the end."""

from __future__ import annotations

import pytest

from pipeline.app.exposer import Exposer
from pipeline.exposition.self_metrics import Telemetry
from pipeline.plan.compile import compile_plan
from pipeline.stage import BuildContext, ResourcePool
from pipeline.state.ledger import Ledger
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.ingest_file import IngestFile

NOW = 1_000.0


class Feed:
    """A resource with a self-metric."""

    def close(self) -> None:
        return None

    def problems(self) -> list[str]:
        return []

    def waiting(self) -> list[str]:
        return []

    def measure(self) -> list[tuple[str, float, tuple[str, ...]]]:
        return [("kube_objects", 3.0, ("Pod",))]


def exposer(age: float, *, expires: bool) -> Exposer:
    """An exposer of one series whose last flow was counted `age` seconds ago."""
    plan = compile_plan(
        [
            IngestFile(name="in", path="x", decoder="json"),
            EncodePrometheus(name="e", follows="in", metrics=[Metric(name="m")], expiry="1m"),
        ],
        BuildContext(),
    )
    ledger = Ledger(plan.families)
    ledger.merge(plan.run("in", [b'{"A":1}']).deltas, NOW - age)
    resources = ResourcePool()
    resources.acquire((Feed, "feed"), Feed)
    return Exposer(
        ledger, Telemetry(plan, process=False), resources, expires=expires, clock=lambda: NOW
    )


@pytest.mark.parametrize(("age", "expires", "shown"), [(60, True, True), (61, True, False)])
def test_an_idle_series_is_not_shown(age: float, *, expires: bool, shown: bool) -> None:
    found = exposer(age, expires=expires)
    assert ("\nm 1\n" in found.page()) is shown
    assert ("\nm 1\n" in found.final()) is shown


def test_recorded_input_does_not_go_idle() -> None:
    assert "\nm 1\n" in exposer(600, expires=False).page()


def test_self_metrics_of_resources_and_some_metrics_only() -> None:
    found = exposer(0, expires=True)
    assert 'flowmatrix_kube_objects{kind="Pod"} 3\n' in found.page()
    assert "flowmatrix_" not in found.page(["m"])
    assert found.page(["nothing"]) == ""
