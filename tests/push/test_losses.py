"""What the log and /readyz say of flows that do not arrive."""

from __future__ import annotations

import pytest

from pipeline.push.losses import Losses


def test_losses_are_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    losses = Losses("out", "http://loki")
    for second in range(100):
        losses.add(10, "the queue is full", second)
    losses.tell(100)
    assert caplog.messages == [
        'stage "out": http://loki: 10 flows are lost: the queue is full',
        'stage "out": http://loki: 600 flows are lost: the queue is full',
        'stage "out": http://loki: 390 flows are lost: the queue is full',
    ]
    assert losses.problem(120) == 'stage "out": http://loki: flows are lost: the queue is full'
    assert losses.problem(160) == ""


def test_a_server_that_is_away_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    losses = Losses("out", "http://loki")
    for reason in ("connection refused", "503"):
        losses.unavailable(reason)
    assert losses.problem(0) == 'stage "out": http://loki: 503'
    losses.arrived()
    losses.arrived()
    assert losses.problem(0) == ""
    assert caplog.messages == [
        'stage "out": http://loki: connection refused; trying again',
        'stage "out": http://loki takes flows again',
    ]
