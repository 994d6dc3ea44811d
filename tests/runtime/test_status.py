"""Whether a worker is ready: for /readyz, the log and the self-metrics."""

from __future__ import annotations

import logging

import pytest

from pipeline.exposition.self_metrics import Telemetry
from pipeline.plan.compile import compile_plan
from pipeline.runtime.status import Status
from pipeline.stage import BuildContext


def test_each_reason_is_logged_once_until_it_is_ready_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also when two reasons take turns."""
    telemetry = Telemetry(compile_plan([], BuildContext()), process=False)
    status = Status(telemetry)
    with caplog.at_level(logging.WARNING):
        for reason in ("a", "b", "a", "b"):
            status.problem(reason, "Error")
        assert status.not_ready == "b"
        assert caplog.messages == ["a; trying again", "b; trying again"]
        assert 'kafka_errors{error="Error"} 4' in telemetry.render([], {}, None)
        status.set("")
        assert "kafka_ready 1" in telemetry.render([], {}, None)
        status.problem("a", "Error")
    assert len(caplog.messages) == 3
    assert "kafka_ready 0" in telemetry.render([], {}, None)


def test_why_a_membership_was_lost_is_said_until_it_is_ready_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With what the next one waits for; in the log it stands once."""
    status = Status(Telemetry(compile_plan([], BuildContext()), process=False))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            status.lost("it stood still")
            assert status.not_ready == "it stood still"
            status.set("joining the group")
            assert status.not_ready == "joining the group (it stood still)"
        assert caplog.messages == ["it stood still; joining again"]
        status.set("")
        assert status.not_ready == ""
        status.set("the group is rebalancing")
        assert status.not_ready == "the group is rebalancing"
        status.lost("it stood still")
        status.end()
        assert status.not_ready == "it has ended"
    assert len(caplog.messages) == 2


def test_a_suspicion_is_said_with_each_reason_for_some_minutes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Workers that throw each other out are ready in between; it stands once in the log."""
    now = [1000.0]
    status = Status(Telemetry(compile_plan([], BuildContext()), process=False), lambda: now[0])
    for _ in range(3):
        status.suspect("another one")
        status.set("")
        assert status.not_ready == ""
        status.set("the group is rebalancing")
        assert status.not_ready == "the group is rebalancing (another one)"
    assert caplog.messages == ["another one"]
    status.lost("it stood still")
    status.set("joining the group")
    assert status.not_ready == "joining the group (it stood still)", "what is sure comes first"
    status.set("")
    now[0] += 301.0
    status.set("the group is rebalancing")
    assert status.not_ready == "the group is rebalancing"
    status.suspect("another one")
    status.end()
    assert status.not_ready == "it has ended"


def test_what_is_said_is_in_the_log_and_counted_before() -> None:
    """Whoever reads why it is not ready, in another thread, finds the rest of it."""
    telemetry = Telemetry(compile_plan([], BuildContext()), process=False)
    status = Status(telemetry)
    status.set("")
    seen: list[tuple[str, bool]] = []

    class Look(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            counted = 'kafka_errors{error="Error"} 1' in telemetry.render([], {}, None)
            seen.append((status.not_ready, counted))

    look = Look()
    log = logging.getLogger("pipeline.runtime.status")
    log.addHandler(look)
    try:
        status.problem("a", "Error")
        status.lost("b")
    finally:
        log.removeHandler(look)
    assert seen == [("", True), ("a", True)]
    assert status.not_ready == "b"
