"""Connections within limits: who has to go is who has kept the server waiting longest."""

from __future__ import annotations

from pipeline.api.callers import Caller, Callers, Limits, Wait


class Door:
    """Callers, and the names of those that were put out."""

    def __init__(self, limits: Limits) -> None:
        self.callers = Callers(limits)
        self.out: list[str] = []

    def admit(self, name: str, wait: Wait, since: float = 0.0) -> Caller | None:
        caller = self.callers.admit(lambda: self.out.append(name))
        if caller:
            caller.to(wait)
            caller.since -= since
        return caller


def test_the_longest_wait_makes_place() -> None:
    door = Door(Limits(connections=3))
    door.admit("new", Wait.NEXT, since=1)
    door.admit("old", Wait.READING, since=5)
    door.admit("answer", Wait.ANSWER, since=9)
    assert door.admit("another", Wait.HEAD)
    assert (door.out, len(door.callers)) == (["old"], 3)


def test_nobody_who_waits_for_the_server_is_put_out() -> None:
    door = Door(Limits(connections=2))
    for name in ("a", "b"):
        door.admit(name, Wait.ANSWER, since=9)
    assert door.admit("another", Wait.HEAD) is None
    assert (door.out, len(door.callers)) == ([], 2)


def test_each_wait_has_its_time() -> None:
    door = Door(Limits(handshake=1, head=2, body=3, reading=4, idle=5))
    waits = (Wait.HANDSHAKE, Wait.HEAD, Wait.BODY, Wait.READING, Wait.NEXT)
    for seconds, wait in enumerate(waits, 1):
        door.admit(f"{wait} in time", wait, since=seconds - 0.9)
        door.admit(wait, wait, since=seconds + 0.1)
    door.admit("answer", Wait.ANSWER, since=1e9)
    door.callers.sweep()
    assert sorted(door.out) == sorted(waits)


def test_answers_under_way_have_a_bound() -> None:
    """Bytes that several are sent count once; the longest wait goes first."""
    door = Door(Limits(under_way=250, reading=99))
    shared = b"s" * 100
    for name, since, body in (
        *(("a", 9, shared), ("b", 3, shared)),
        *(("c", 5, b"c" * 100), ("d", 1, b"d" * 100)),
    ):
        caller = door.admit(name, Wait.READING, since=since)
        assert caller
        caller.body = body
    door.callers.sweep()
    assert door.out == ["a", "c"]


def test_who_has_left_is_not_held() -> None:
    door = Door(Limits())
    caller = door.admit("a", Wait.HEAD)
    assert caller
    door.callers.leave(caller)
    door.callers.leave(caller)
    assert len(door.callers) == 0
    door.admit("b", Wait.HEAD)
    door.callers.drop_all()
    assert (door.out, len(door.callers)) == (["b"], 0)
