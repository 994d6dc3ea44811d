"""A call ends once."""

from __future__ import annotations

import asyncio

import grpc

from pipeline.grpc.call import Answer, Call


def test_only_the_first_answer_counts() -> None:
    async def answered() -> Answer:
        call = Call([b"flow"], 4, Answer())
        call.end(call.answer)
        call.end(Answer(grpc.StatusCode.UNAVAILABLE, "late"))
        return await call.ended()

    assert asyncio.run(answered()) == Answer()


def test_a_sender_that_gives_up_leaves_a_mark() -> None:
    async def given_up() -> bool:
        call = Call([b"flow"], 4, Answer())
        waiting = asyncio.create_task(call.ended())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        return call.given_up

    assert asyncio.run(given_up())
