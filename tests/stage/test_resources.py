from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.stage import BuildContext
from pipeline.stage.resources import ResourcePool


class Thing:
    """Something that notes that it was closed."""

    def __init__(self, name: str, error: str = "") -> None:
        self.name, self.error, self.open = name, error, True

    def close(self) -> None:
        self.open = False
        if self.error:
            raise OSError(self.error)

    def problems(self) -> list[str]:
        return [f"{self.name}: {self.error}"] if self.error else []


class Observed(Thing):
    """Something that measures itself, too."""

    def waiting(self) -> list[str]:
        return [f"{self.name} is late"]

    def measure(self) -> list[tuple[str, float, tuple[str, ...]]]:
        return [("size", 7.0, (self.name,))]


def test_a_thing_is_made_once() -> None:
    lasting = ResourcePool()
    first = lasting.acquire((Thing, "a"), lambda: Thing("a"))
    assert lasting.acquire((Thing, "a"), lambda: Thing("other")) is first
    assert lasting.acquire((Thing, "b"), lambda: Thing("b")).name == "b"


def test_what_the_next_plan_does_not_ask_for_is_closed() -> None:
    lasting = ResourcePool()
    a, b = (lasting.acquire((Thing, name), maker(name)) for name in "ab")
    lasting.settle()
    lasting.begin()
    lasting.acquire((Thing, "b"), maker("b"))
    assert a.open
    lasting.settle()
    assert (a.open, b.open) == (False, True)


def test_a_refused_plan_leaves_what_there_was() -> None:
    lasting = ResourcePool()
    a = lasting.acquire((Thing, "a"), maker("a"))
    lasting.settle()
    lasting.begin()
    c = lasting.acquire((Thing, "c"), maker("c"))
    lasting.revert()
    assert (a.open, c.open) == (True, False)
    assert lasting.acquire((Thing, "a"), maker("other")) is a


def test_who_looks_at_a_plan_asks_for_nothing_anew() -> None:
    """Otherwise a question during a reload would keep what the next plan does not ask for."""
    lasting = ResourcePool()
    env = BuildContext(lasting=lasting)
    a = env.acquire((Thing, "a"), maker("a"))
    assert env.found(Thing) == [a]
    lasting.settle()
    lasting.begin()
    assert env.acquire((Thing, "a"), maker("other")) is a
    lasting.settle()
    assert not a.open


def test_problems_and_measures_of_all() -> None:
    lasting = ResourcePool()
    lasting.acquire((Thing, "a"), lambda: Thing("a", "broken"))
    lasting.acquire((Observed, "b"), lambda: Observed("b"))
    assert lasting.problems() == ["a: broken"]
    assert lasting.waiting() == ["b is late"]
    assert lasting.self_metrics() == [("size", 7.0, ("b",))]


@pytest.mark.parametrize("error", ["", "broken"])
def test_close_closes_all(error: str) -> None:
    lasting = ResourcePool()
    things = [lasting.acquire((Thing, name), lambda: Thing("x", error)) for name in "ab"]
    lasting.close()
    assert [thing.open for thing in things] == [False, False]


def maker(name: str) -> Callable[[], Thing]:
    return lambda: Thing(name)
