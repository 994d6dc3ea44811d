"""What takes long runs in one thread, while the event loop goes on."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pipeline.runtime.engine import Engine


def test_everything_runs_in_one_other_thread() -> None:
    async def run() -> None:
        with Engine() as engine:
            first, second = await asyncio.gather(
                engine.run(threading.get_ident), engine.run(threading.get_ident)
            )
            assert first == second != threading.get_ident()

    asyncio.run(run())


def test_what_a_function_raises_comes_back() -> None:
    async def run() -> None:
        with Engine() as engine, pytest.raises(ValueError, match="'x'"):
            await engine.run(int, "x")

    asyncio.run(run())
