"""How many connections are open, by group and phase."""

from __future__ import annotations

from tests.stages.conntrack.given import Run, stage


def test_open_connections_by_group_and_phase() -> None:
    run = Run(
        stage(
            scheduling=[{"selector": {"Proto": 17}}, {}],
            tcp_flags={"field": "Flags", "detect_end": True},
        )
    )
    run.step([{"Proto": 17}, {"Proto": 6, "SrcPort": 1}, {"Proto": 6, "SrcPort": 2, "Flags": 1}], 0)
    assert run.memory.measures() == [
        ("conntrack_memory_connections", 1.0, ("0: Proto=17, ", "active")),
        ("conntrack_memory_connections", 0.0, ("0: Proto=17, ", "terminating")),
        ("conntrack_memory_connections", 1.0, ("1: DEFAULT", "active")),
        ("conntrack_memory_connections", 1.0, ("1: DEFAULT", "terminating")),
    ]
    run.step([], 100.0)
    assert {number for _, number, _ in run.memory.measures()} == {0.0}
