from __future__ import annotations

from pipeline.config.flowcollector.graph import Graph


def test_stages_follow_and_what_has_no_value_is_left_out() -> None:
    graph = Graph()
    first = graph.add("in", "", "ingest.kafka", {"topic": "t", "tls": None, "port": 0})
    assert graph.add("out", first, "write.stdout", {}) == "out"
    assert graph.pipeline == [{"name": "in"}, {"name": "out", "follows": "in"}]
    assert graph.parameters == [
        {"name": "in", "ingest": {"type": "kafka", "kafka": {"topic": "t", "port": 0}}},
        {"name": "out", "write": {"type": "stdout", "stdout": {}}},
    ]
