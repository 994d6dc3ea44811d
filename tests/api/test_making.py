"""Answers made in threads: each once for all who wait for it, and no more than the limits say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from pipeline.api.making import BusyError, Makings


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - a thread makes it true
            await asyncio.sleep(0.001)


def test_one_making_for_all_who_ask_meanwhile() -> None:
    go, calls = threading.Event(), list[int]()

    def make() -> int:
        calls.append(1)
        go.wait(60)
        return len(calls)

    async def ask() -> list[int]:
        makings = Makings[int](threads=2, queue=0, each=1)
        asked = [asyncio.create_task(makings.make("a", f"10.0.0.{n}", make)) for n in range(9)]
        await until(lambda: bool(calls))
        go.set()
        return [*await asyncio.gather(*asked), await makings.make("a", "x", make)]

    assert asyncio.run(ask()) == [1] * 9 + [2]


def test_so_many_at_a_time_and_no_more_in_the_queue() -> None:
    go, running, most = threading.Event(), list[int](), list[int]()

    def make() -> None:
        running.append(1)
        most.append(len(running))
        go.wait(60)
        running.pop()

    async def ask() -> None:
        makings = Makings[None](threads=2, queue=3, each=9)
        asked = [asyncio.create_task(makings.make(n, "x", make)) for n in range(5)]
        await until(lambda: len(running) == 2)
        with pytest.raises(BusyError):
            await makings.make(5, "x", make)
        go.set()
        await asyncio.gather(*asked)
        await makings.make(5, "x", make)

    asyncio.run(ask())
    assert (len(most), max(most)) == (6, 2)


def test_one_caller_leaves_places_to_the_others() -> None:
    go = threading.Event()

    async def ask() -> None:
        makings = Makings[bool](threads=1, queue=9, each=2)
        wait = lambda: go.wait(60)  # noqa: E731 - a name for what two callers ask
        asked = [asyncio.create_task(makings.make(n, "greedy", wait)) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await makings.make(2, "greedy", wait)
        asked.append(asyncio.create_task(makings.make(2, "other", wait)))
        await asyncio.sleep(0)
        go.set()
        assert await asyncio.gather(*asked) == [True] * 3
        assert await makings.make(3, "greedy", wait)

    asyncio.run(ask())


def test_an_error_reaches_all_who_wait() -> None:
    def make() -> None:
        raise ValueError("no")

    async def ask() -> list[object]:
        makings = Makings[None](threads=1, queue=0, each=1)
        asked = [makings.make("a", "x", make) for _ in range(3)]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    assert [str(error) for error in asyncio.run(ask())] == ["no"] * 3


def test_a_making_that_does_not_end_holds_up_no_exit() -> None:
    go = threading.Event()

    async def ask() -> None:
        makings = Makings[bool](threads=1, queue=0, each=1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(makings.make("a", "x", lambda: go.wait(60)), 0.01)

    asyncio.run(ask())
    go.set()
