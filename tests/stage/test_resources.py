from __future__ import annotations

from collections.abc import Callable

import pytest

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
    resources = ResourcePool()
    first = resources.acquire((Thing, "a"), lambda: Thing("a"))
    assert resources.acquire((Thing, "a"), lambda: Thing("other")) is first
    assert resources.acquire((Thing, "b"), lambda: Thing("b")).name == "b"


def test_what_the_next_plan_does_not_ask_for_is_closed() -> None:
    resources = ResourcePool()
    a, b = (resources.acquire((Thing, name), maker(name)) for name in "ab")
    resources.settle()
    resources.begin()
    resources.acquire((Thing, "b"), maker("b"))
    assert a.open
    resources.settle()
    assert (a.open, b.open) == (False, True)


def test_a_refused_plan_leaves_what_there_was() -> None:
    resources = ResourcePool()
    a = resources.acquire((Thing, "a"), maker("a"))
    resources.settle()
    resources.begin()
    c = resources.acquire((Thing, "c"), maker("c"))
    resources.revert()
    assert (a.open, c.open) == (True, False)
    assert resources.acquire((Thing, "a"), maker("other")) is a


def test_problems_and_measures_of_all() -> None:
    resources = ResourcePool()
    resources.acquire((Thing, "a"), lambda: Thing("a", "broken"))
    resources.acquire((Observed, "b"), lambda: Observed("b"))
    assert resources.problems() == ["a: broken"]
    assert resources.waiting() == ["b is late"]
    assert resources.self_metrics() == [("size", 7.0, ("b",))]


@pytest.mark.parametrize("error", ["", "broken"])
def test_close_closes_all(error: str) -> None:
    resources = ResourcePool()
    things = [resources.acquire((Thing, name), lambda: Thing("x", error)) for name in "ab"]
    resources.close()
    assert [thing.open for thing in things] == [False, False]


def maker(name: str) -> Callable[[], Thing]:
    return lambda: Thing(name)
