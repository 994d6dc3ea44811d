"""Made pipelines: the original, where FLP_BINARY names it, and this engine give the same."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings

from tests.peer import made, made_extract
from tests.peer.original import VARIABLE, binary, original
from tests.peer.ours import ours
from tests.peer.outcome import differences
from tests.peer.pipelines import Pipeline

pytestmark = pytest.mark.slow
beside = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no binary")
EXAMPLES = int(os.environ.get("PEER_EXAMPLES", "50"))
_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large]


def compared(pipeline: Pipeline, flows: str) -> list[str]:
    note(json.dumps({"pipeline": pipeline.entries, "parameters": pipeline.parameters}))
    note(flows)
    with tempfile.TemporaryDirectory() as folder:
        theirs = original(binary(), pipeline, flows, Path(folder))
        mine = ours(pipeline, flows, Path(folder))
    return differences(theirs, mine, ordered=pipeline.ordered)


@given(made.pipelines, made.flows)
@settings(suppress_health_check=_CALM)
def test_what_is_made_is_accepted_and_runs(pipeline: Pipeline, flows: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert ours(pipeline, flows, Path(folder)).refused == ""


@beside
@given(made.pipelines, made.flows)
@settings(max_examples=EXAMPLES, suppress_health_check=_CALM)
def test_lines_of_stages(pipeline: Pipeline, flows: str) -> None:
    assert compared(pipeline, flows) == []


@given(made_extract.pipelines, made_extract.flows)
@settings(suppress_health_check=_CALM)
def test_what_collects_flows_is_accepted_and_runs(pipeline: Pipeline, flows: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert ours(pipeline, flows, Path(folder)).refused == ""


@beside
@given(made_extract.pipelines, made_extract.flows)
@settings(max_examples=max(1, EXAMPLES // 10), suppress_health_check=_CALM)
def test_connections_and_groups(pipeline: Pipeline, flows: str) -> None:
    assert compared(pipeline, flows) == []
