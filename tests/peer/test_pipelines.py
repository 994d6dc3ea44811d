"""Configurations whose ends are changed for a comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.peer import pipelines

CHAIN = [{"name": "in"}, {"name": "out", "follows": "in"}]
KAFKA = {"name": "in", "ingest": {"type": "kafka", "kafka": {"topic": "t"}}}


def prepared(*ends: dict[str, Any]) -> pipelines.Pipeline:
    return pipelines.prepared(CHAIN, [KAFKA, *({"name": "out", **end} for end in ends)])


def test_what_would_leave_is_printed_and_what_is_exposed_has_one_server() -> None:
    loki, prom = {"write": {"type": "loki"}}, {"type": "prom", "prom": {"port": 1, "metrics": []}}
    made = prepared(loki, {"encode": prom}, {"write": {"type": "none"}})
    assert made.parameters[1]["write"] == {"type": "stdout", "stdout": {"format": "json"}}
    assert made.parameters[2]["encode"] == {"type": "prom", "prom": {"metrics": []}}
    assert made.parameters[3]["write"] == {"type": "none"}
    assert made.ordered
    texts = made.texts({"type": "stdin"})
    assert json.loads(texts["parameters"])[0] == {"name": "in", "ingest": {"type": "stdin"}}
    assert json.loads(texts["pipeline"]) == CHAIN


def test_records_of_two_writers_or_of_batches_have_no_order() -> None:
    assert not prepared({"write": {"type": "stdout"}}, {"write": {"type": "loki"}}).ordered
    batched = prepared({"extract": {"type": "conntrack"}})
    assert (batched.batched, batched.ordered) == (True, False)
    assert not prepared({"extract": {"type": "none"}}).batched


def test_a_file_may_have_blocks_as_texts_and_an_agent_as_its_source(tmp_path: Path) -> None:
    file = tmp_path / "flp.json"
    chain = [{"name": "out", "follows": "preset-ingester"}]
    own = [{"name": "out", "write": {"type": "none"}}]
    file.write_text(json.dumps({"PipeLine": chain, "parameters": json.dumps(own)}))
    made = pipelines.read(file)
    assert (made.entries, made.source) == (chain, "preset-ingester")


@pytest.mark.parametrize("text", ["pipeline: {}\nparameters: []\n", "stages: []\n"])
def test_a_file_without_a_pipeline(text: str, tmp_path: Path) -> None:
    file = tmp_path / "flp.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match="has no pipeline"):
        pipelines.read(file)


def test_one_source_is_needed() -> None:
    with pytest.raises(ValueError, match="has 2 sources: one is needed"):
        pipelines.prepared(CHAIN, [KAFKA, {**KAFKA, "name": "in2"}])
