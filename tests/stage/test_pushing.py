"""Queues, batches and retries as users write them."""

from __future__ import annotations

from pipeline.push.destination import Terms
from pipeline.stage.pushing import Batch, Queue, Retry, terms


def test_the_defaults_are_the_same_on_both_sides() -> None:
    assert terms(Queue(), Batch(), Retry()) == Terms()


def test_durations_become_seconds() -> None:
    found = terms(
        Queue(max_flows=5, max_bytes=6, when_full="block", flush_timeout="1m"),
        Batch(max_flows=7, max_bytes=8, wait="250ms"),
        Retry(min_backoff="1ms", max_backoff="1h", max_retries=9),
    )
    assert found == Terms(
        max_flows=5,
        max_bytes=6,
        blocks=True,
        flush=60.0,
        batch_flows=7,
        batch_bytes=8,
        batch_wait=0.25,
        min_backoff=0.001,
        max_backoff=3600.0,
        max_retries=9,
    )
