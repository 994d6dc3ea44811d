"""Made pipelines: the original, where FLP_BINARY names it, and this engine give the same."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.peer.feeds import Feed
from tests.peer.kinds import KINDS, WITH_A_BROKER
from tests.peer.original import VARIABLE, binary
from tests.peer.ours import ours
from tests.peer.pipelines import Pipeline
from tests.peer.survey import survey
from tests.real.broker import Broker

pytestmark = pytest.mark.slow
beside = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no binary")
EXAMPLES = int(os.environ.get("PEER_EXAMPLES", "50"))
_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.differing_executors]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_is_accepted_and_runs(kind: str) -> None:
    @given(KINDS[kind])
    @settings(suppress_health_check=_CALM)
    def run(example: tuple[Pipeline, Feed]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            assert ours(*example, Path(folder)).refused == ""

    run()


@beside
@pytest.mark.parametrize("kind", KINDS)
def test_both_give_the_same(kind: str) -> None:
    number = max(1, EXAMPLES // 10) if kind == "groups" else EXAMPLES
    assert survey(binary(), KINDS[kind], number, 0).differ == 0


@beside
@pytest.mark.parametrize("kind", WITH_A_BROKER)
def test_both_give_the_same_of_a_topic(kind: str, kafka_broker: Broker) -> None:
    assert survey(binary(), WITH_A_BROKER[kind](kafka_broker), EXAMPLES, 0).differ == 0
