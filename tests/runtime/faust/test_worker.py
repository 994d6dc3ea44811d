"""A worker joins again whenever a membership ends, with a clock of the test's own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from pipeline.dead_letters.limit import TooManyDeadLettersError
from pipeline.exposition.self_metrics import Telemetry
from pipeline.kafka.connection import BrokerError
from pipeline.kafka.errors import FencedInstanceIdError
from pipeline.plan.compile import compile_plan
from pipeline.runtime.failure import OutputError, WorkerError
from pipeline.runtime.faust.worker import Worker
from pipeline.runtime.status import Status
from pipeline.stage import BuildContext


def status() -> Status:
    """Of a worker without stages."""
    return Status(Telemetry(compile_plan([], BuildContext()), process=False))


End = Callable[["Scripted"], None]


class Scripted:
    """Memberships that end as a script says; the worker is stopped after the last one."""

    def __init__(self, *ends: End) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.status = status()
        self.reasons: list[str] = []
        self.told: list[int] = []
        self.trimmed = threading.Event()
        self._ends = list(ends)
        self._ended_at = 0.0
        self.worker = Worker(
            self,
            self.status,
            threading.Event(),
            self._report,
            clock=lambda: self.now,
            pause=self._pause,
            trim=self.trimmed.set,
        )

    def _report(self, advance: Callable[[int], None]) -> None:
        advance(7)

    async def _pause(self, _stopping: asyncio.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        self.reasons.append(self.status.not_ready)
        self.now += seconds

    async def run_one(self, stopping: asyncio.Event) -> None:
        if not self._ends:
            self.worker.stop()
            await stopping.wait()
            return
        self._ends.pop(0)(self)


def lost(_: Scripted) -> None:
    raise ConnectionError("gone")


def lasts(run: Scripted) -> None:
    run.now += 60
    raise ConnectionError("gone")


def refused(_: Scripted) -> None:
    raise BrokerError("no")


def too_many(_: Scripted) -> None:
    raise TooManyDeadLettersError("too many")


def put_out(_: Scripted) -> None:
    raise FencedInstanceIdError


def test_the_pause_grows_and_is_short_again_after_a_long_membership() -> None:
    run = Scripted(lost, lost, lost, lost, lost, lasts, lost)
    run.worker.run()
    assert run.pauses[:7] == [1, 2, 4, 8, 10, 1, 2]


def test_a_place_that_another_worker_took_is_called_so() -> None:
    run = Scripted(put_out)
    run.worker.run()
    assert run.reasons[0].startswith("another worker has the same group_instance_id and has taken")


def test_memory_is_given_back_while_it_runs() -> None:
    def once_trimmed(run: Scripted) -> None:
        assert run.trimmed.wait(60)

    run = Scripted(once_trimmed)
    run.worker.run()
    assert run.trimmed.is_set()


def test_the_reason_is_said_meanwhile() -> None:
    run = Scripted(lost)
    run.worker.run()
    assert run.reasons[0] == "the connection to the group was lost: ConnectionError('gone')"
    assert run.worker.reason == "it has ended"


@pytest.mark.parametrize(
    ("end", "error"), [(refused, BrokerError), (too_many, TooManyDeadLettersError)]
)
def test_what_trying_again_does_not_help_ends_it(end: End, error: type[Exception]) -> None:
    run = Scripted(end, lost)
    with pytest.raises(error):
        run.worker.run()
    assert run.pauses == []
    assert run.worker.reason == "it has ended"


def test_a_signal_that_comes_when_it_has_ended_by_itself() -> None:
    """SIGTERM while the rest of the process ends: nothing is left to stop."""
    run = Scripted(refused)
    with pytest.raises(BrokerError):
        run.worker.run()
    run.worker.stop()
    run.worker.wait()


def broken(_: Scripted) -> None:
    raise BrokenPipeError(32, "Broken pipe")


def defect(_: Scripted) -> None:
    raise KeyError("x")


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (PermissionError(13, "Permission denied", "data"), PermissionError),
        (OSError(28, "No space left on device"), OSError),
        (OutputError(32, "Broken pipe", "standard output"), OutputError),
        (ModuleNotFoundError("No module named 'x'"), WorkerError),
    ],
)
def test_an_error_about_files_ends_it_at_once(error: Exception, ending: type[Exception]) -> None:
    def end(_: Scripted) -> None:
        raise error

    run = Scripted(end, lost)
    with pytest.raises(ending):
        run.worker.run()
    assert run.pauses == []


def test_a_defect_ends_it_after_five_times_in_a_row() -> None:
    """It is not called a lost connection; a connection may be lost as often as it likes."""
    run = Scripted(defect, defect, lost, *[defect] * 5, lost)
    with pytest.raises(WorkerError, match=r"the same error ended it 5 times: KeyError\('x'\)"):
        run.worker.run()
    assert run.pauses == [1, 2, 4, 8, 10, 10, 10]
    assert run.reasons[0] == "the membership has ended: KeyError('x')"
    again = Scripted(*[broken] * 9)
    again.worker.run()
    assert set(again.reasons) == {
        "the connection to the group was lost: BrokenPipeError(32, 'Broken pipe')"
    }


def test_a_stop_before_the_run_is_heeded() -> None:
    run = Scripted(lost)
    run.worker.stop()
    run.worker.run()
    assert run.pauses == []


def test_whoever_waits_goes_on_when_it_has_ended() -> None:
    run = Scripted()
    waiting = threading.Thread(target=run.worker.wait)
    waiting.start()
    run.worker.run()
    waiting.join(60)
    assert not waiting.is_alive()


def test_a_stop_ends_a_pause() -> None:
    """The pause of a worker that is told to stop is over at once."""

    class Once:
        async def run_one(self, stopping: asyncio.Event) -> None:
            asyncio.get_running_loop().call_soon(worker.stop)
            raise ConnectionError("gone")

    worker = Worker(Once(), status(), threading.Event(), lambda _: None, clock=lambda: 0.0)
    running = threading.Thread(target=worker.run, daemon=True)
    running.start()
    running.join(60)
    assert not running.is_alive()
