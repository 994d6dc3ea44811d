"""Connections within limits: a crowd makes place for itself, and nobody waits too long."""

from __future__ import annotations

from pipeline.api.callers import Caller, Callers, Limits, Wait

PEER = "10.0.0.1"
TURNS = 1_000
"""Of the loop, since a caller has begun to wait."""


class Door:
    """Callers, and the names of those that were put out. Who comes first has waited longest."""

    def __init__(self, limits: Limits) -> None:
        self.callers = Callers(limits)
        self.out: list[str] = []

    def admit(self, name: str, wait: Wait, since: float = 0.0, peer: str = PEER) -> Caller | None:
        caller = self.callers.admit(peer, lambda: self.out.append(name))
        if caller:
            caller.to(wait)
            caller.since -= since
            caller.turn -= TURNS
        return caller


def test_the_longest_wait_makes_place() -> None:
    door = Door(Limits(connections=3))
    door.admit("old", Wait.READING, since=5)
    door.admit("new", Wait.NEXT, since=1)
    door.admit("answer", Wait.ANSWER, since=9)
    assert door.admit("another", Wait.HEAD)
    assert (door.out, len(door.callers)) == (["old"], 3)


def test_a_crowd_makes_place_for_itself() -> None:
    """However long a scrape has waited: who does as most others do goes first."""
    door = Door(Limits(connections=6, grace=0.5))
    door.admit("scrape", Wait.READING, since=9)
    door.admit("kept alive", Wait.NEXT, since=60)
    door.admit("elsewhere", Wait.HEAD, since=8, peer="10.0.0.2")
    for number in range(3):
        door.admit(f"crowd {number}", Wait.HEAD, since=1)
    for number in range(3, 6):
        assert door.admit(f"crowd {number}", Wait.HEAD, since=1)
    assert door.out == ["crowd 0", "crowd 1", "crowd 2"]


def test_nobody_is_put_out_who_has_just_come_or_waits_for_the_server() -> None:
    """The others wait until there is a place."""
    door = Door(Limits(connections=2, grace=60))
    new = door.admit("new", Wait.HEAD, since=59)
    door.admit("answer", Wait.ANSWER, since=1e9)
    assert door.admit("another", Wait.HEAD) is None
    assert (door.out, len(door.callers)) == ([], 2)
    assert new
    new.since -= 1
    assert door.admit("another", Wait.HEAD)
    assert door.out == ["new"]


def test_who_goes_on_waits_anew() -> None:
    """A caller who reads, slowly, is not the one who has waited longest."""
    door = Door(Limits(connections=2, grace=0.5))
    slow, still = (door.admit(name, Wait.READING, since=9) for name in ("slow", "still"))
    assert slow
    assert still
    slow.to(Wait.READING)
    assert slow.since > still.since
    slow.since -= 1
    assert door.admit("another", Wait.HEAD)
    assert door.out == ["still"]


def test_nobody_is_put_out_before_the_loop_has_looked() -> None:
    """A server that is behind has not read yet what a caller has sent."""
    door = Door(Limits(connections=1, grace=0.5))
    behind = door.admit("sent long ago", Wait.FIRST, since=9)
    assert behind
    behind.turn += TURNS
    assert door.admit("another", Wait.HEAD) is None
    for _ in range(20):
        door.callers.turned()
    assert door.admit("another", Wait.HEAD)
    assert door.out == ["sent long ago"]


def test_each_wait_has_its_time() -> None:
    door = Door(Limits(handshake=1, head=2, body=3, reading=4, idle=5))
    times = {
        Wait.HANDSHAKE: 1,
        Wait.FIRST: 2,
        Wait.HEAD: 2,
        Wait.BODY: 3,
        Wait.READING: 4,
        Wait.NEXT: 5,
    }
    for wait, seconds in times.items():
        door.admit(f"{wait} in time", wait, since=seconds - 0.9)
        door.admit(wait, wait, since=seconds + 0.1)
    door.admit("answer", Wait.ANSWER, since=1e9)
    door.callers.sweep()
    assert sorted(door.out) == sorted(times)


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


def test_those_who_wait_for_answers_are_known() -> None:
    door = Door(Limits())
    for number in range(3):
        door.admit("a", Wait.ANSWER, peer=f"10.0.0.{number}")
    door.admit("b", Wait.HEAD)
    assert door.callers.waiting(Wait.ANSWER) == 3


def test_who_has_left_is_not_held() -> None:
    door = Door(Limits())
    caller = door.admit("a", Wait.HEAD)
    assert caller
    door.callers.leave(caller)
    door.callers.leave(caller)
    caller.to(Wait.NEXT)
    assert len(door.callers) == 0
    door.admit("b", Wait.HEAD)
    door.callers.drop_all()
    assert (door.out, len(door.callers)) == (["b"], 0)
