"""Why a member does not count: asked of the client, said once, until it is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.connection import Connection
from pipeline.runtime.faust.group import MovedError
from pipeline.runtime.faust.group_watch import GroupWatch, LoginError
from pipeline.runtime.faust.recovery_watch import STALL_SECONDS, RecoveryWatch, StalledError
from tests.runtime.faust.support import Parts, with_parts


def watch(run: Parts, reason: Callable[[], str] = str) -> GroupWatch:
    """A watch; brokers that are probed give this reason."""

    async def probe(_: Connection) -> str:
        return reason()

    return GroupWatch(
        group=run.group,
        connection=Connection(brokers=("b",)),
        topics=["t"],
        checkpointer=run.checkpointer,
        intake=run.intake,
        recovery=RecoveryWatch(run.group, run.clock),
        status=run.status,
        probe=probe,
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InconsistentGroupProtocolError(), "another program has the same group_id"),
        (InvalidSessionTimeoutError(), "the brokers do not take this session_timeout"),
        (GroupAuthorizationFailedError("g"), "not authorized to read group g"),
        (TopicAuthorizationFailedError({"t"}), "not authorized for topic t"),
        (KafkaError("GroupMaxSizeReached"), "GroupMaxSizeReached"),
    ],
)
def test_the_reason_is_said_once_and_counted(
    caplog: pytest.LogCaptureFixture, error: KafkaError, said: str
) -> None:
    async def test(run: Parts) -> None:
        run.group.errors = [error, error]
        watching = watch(run)
        await watching.look()
        await watching.look()
        assert said in run.status.not_ready
        text = run.telemetry.render([], {}, None)
        assert f'kafka_errors{{error="{type(error).__name__}"}} 2' in text
        assert "kafka_ready 0" in text

    with caplog.at_level(logging.WARNING):
        with_parts(test)
    assert len([line for line in caplog.messages if said in line]) == 1


def test_it_is_ready_again_when_reading_works_again() -> None:
    """A right that was taken away and given back, while the worker stayed a member."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.group.errors = [TopicAuthorizationFailedError("t")]
        watching = watch(run)
        await watching.look()
        assert run.status.not_ready
        await watching.look()
        assert run.status.not_ready == ""

    with_parts(test)


def test_a_login_that_lapsed_ends_the_membership() -> None:
    """The coordinator cannot be reached; the next membership reads the password anew."""

    async def test(run: Parts) -> None:
        run.group.connected = False
        watching = watch(run, lambda: "b refuses the login: no")
        await watching.look()
        await watching.look()
        assert run.status.not_ready != "b refuses the login: no"
        with pytest.raises(LoginError, match="refuses the login"):
            await watching.look()
        assert run.status.not_ready == "b refuses the login: no"

    with_parts(test)


def test_a_login_that_lapsed_is_found_behind_answers_that_do_not_come() -> None:
    """Brokers were away for longer than answers are waited for, and are back with other logins."""

    async def test(run: Parts) -> None:
        said = ""
        run.group.connected = False
        run.group.waits = {"fetch": "t cannot be read: no fetch succeeds"}
        watching = watch(run, lambda: said)
        for _ in range(10):
            await watching.look()
        assert run.status.not_ready == "t cannot be read: no fetch succeeds"
        said = "b refuses the login: no"
        with pytest.raises(LoginError, match="refuses the login"):
            await watching.look()
        assert run.status.not_ready == said

    with_parts(test)


def test_brokers_that_are_away_are_waited_for() -> None:
    async def test(run: Parts) -> None:
        run.group.connected = False
        watching = watch(run, lambda: "no broker answers at b")
        for _ in range(5):
            await watching.look()
        assert run.status.not_ready == "no broker answers at b"

    with_parts(test)


def test_a_topic_made_again_is_noticed_when_nothing_comes() -> None:
    async def test(run: Parts) -> None:
        run.intake.open()
        watching = watch(run)
        await watching.look()
        await watching.look()
        run.group.ids = {"t": "id-2"}
        await watching.look()
        with pytest.raises(MovedError):
            await watching.look()

    with_parts(test)


def test_a_recovery_that_stands_still_ends_the_membership() -> None:
    """With a reason; while an error is reported, it is not looked at."""

    async def test(run: Parts) -> None:
        run.group.left = {TopicPartition("c", 0): (4, 900)}
        watching = watch(run)
        await watching.look()
        run.clock.now += STALL_SECONDS
        run.group.errors = [TopicAuthorizationFailedError("c")]
        await watching.look()
        run.clock.now += STALL_SECONDS
        with pytest.raises(StalledError):
            await watching.look()
        assert "c[0] was read to offset 4 of 900" in run.status.not_ready
        assert 'kafka_errors{error="StalledError"} 1' in run.telemetry.render([], {}, None)

    with_parts(test)


@pytest.mark.parametrize("of", ["reading", "writing"])
def test_answers_that_do_not_come_are_said_until_they_do(of: str) -> None:
    """While it is a member, and no error comes either."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.status.set("")
        waited: dict[Hashable, str] = {"one": "the broker does not answer"}
        if of == "reading":
            run.group.waits = dict(waited)
        else:
            run.checkpointer.awaited = waited
        watching = watch(run)
        for _ in range(7):
            await watching.look()
            assert run.status.not_ready == ""
        await watching.look()
        assert run.status.not_ready == "the broker does not answer"
        run.group.waits, run.checkpointer.awaited = {}, {}
        await watching.look()
        assert run.status.not_ready == ""

    with_parts(test)


def test_a_question_without_an_answer_does_not_keep_the_watch() -> None:
    """It asks about topics in every second look, and has three seconds for it."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.group.silent = True
        watching = watch(run)
        for _ in range(2):
            await asyncio.wait_for(watching.look(), 60)

    with_parts(test)


def test_a_group_without_a_coordinator_is_said() -> None:
    """The brokers answer, and none of them keeps the group: its disk may be gone."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.status.set("")
        run.group.connected = False
        watching = watch(run)
        for _ in range(7):
            await watching.look()
            assert run.status.not_ready == ""
        await watching.look()
        assert run.status.not_ready == "no broker is the coordinator of group g"

    with_parts(test)
