"""The self-metrics as they are declared."""

from __future__ import annotations

from pipeline.exposition.declared import METRICS, names


def test_names_are_those_of_the_engine_and_of_the_process() -> None:
    own = {f"x_{name}" for name in METRICS}
    assert names("x_", process=False) == own
    assert names("x_", process=True) - own >= {
        "process_cpu_seconds",
        "process_cpu_seconds_total",
        "python_gc_objects_collected_total",
    }
