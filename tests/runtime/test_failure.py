"""The first error of several tasks."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.runtime.failure import Failure


def test_whoever_waits_gets_the_first_error() -> None:
    async def run() -> None:
        failure = Failure()
        waiting = asyncio.create_task(failure.wait())
        with failure.catch():
            pass
        await asyncio.sleep(0)
        assert not waiting.done()
        for text in ("first", "second"):
            with failure.catch():
                raise ValueError(text)
        with pytest.raises(ValueError, match="first"):
            await waiting

    asyncio.run(run())


def test_a_wait_that_is_given_up_leaves_the_failure_as_it_is() -> None:
    async def run() -> None:
        failure = Failure()
        waiting = asyncio.create_task(failure.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        with failure.catch():
            raise ValueError("late")
        with pytest.raises(ValueError, match="late"):
            await failure.wait()

    asyncio.run(run())
