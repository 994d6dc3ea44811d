"""Who held an address when."""

from __future__ import annotations

from typing import Any

from pipeline.kube.index.entries import Entry
from pipeline.kube.index.history import AddressHistory


def entry(name: str, since: int = 0, seen: int = 0, **more: Any) -> Entry:
    fields: dict[str, Any] = {"kind": "Pod", "namespace": "shop", **more}
    return Entry(
        name=name,
        addresses=("10.1.1.1",),
        labels={},
        annotations={},
        since=since,
        seen=seen,
        **fields,
    )


def periods(found: AddressHistory) -> list[tuple[int, str]]:
    return [(since, one.name) for since, one in found.periods("10.1.1.1")]


def moved(old: Entry, until: int, new: Entry, window: int = 1000) -> AddressHistory:
    """An address that one lets go at a time, and another has."""
    found = AddressHistory(window)
    found.take("10.1.1.1", old)
    found.release("10.1.1.1", old, until, until)
    found.take("10.1.1.1", new)
    return found


def test_one_holder_has_it_since_ever() -> None:
    """A single holder has the address at any time."""
    found = AddressHistory(1000)
    found.take("10.1.1.1", entry("a", since=500))
    assert periods(found) == [(0, "a")]
    assert found.periods("10.1.1.2") == []


def test_who_let_go_is_remembered_for_the_window() -> None:
    """After the window the address was always the present holder's."""
    old = entry("old")
    found = moved(old, 500, entry("new", since=400, seen=600))
    assert periods(found) == [(0, "old"), (500, "new")]
    assert list(found.expire(1499)) == []
    assert list(found.expire(1500)) == ["10.1.1.1"]
    assert periods(found) == [(0, "new")]


def test_many_addresses_are_answered_by_their_holders() -> None:
    """As one by one, with the place of each address; those that nobody has or had are left out."""
    found = moved(entry("a"), 500, entry("b", since=400, seen=600))
    found.take("10.1.1.9", entry("c", since=7))
    held = found.held(["10.9.9.9", "10.1.1.9", "10.1.1.1", "", "10.1.1.9"])
    names = [one.name for one in held.entries]
    expected = [(2, since, name) for since, name in periods(found)]
    assert len(expected) == 2
    assert list(zip(held.places, held.since, names, strict=True)) == [
        (1, 0, "c"),
        *expected,
        (4, 0, "c"),
    ]


def test_many_addresses_of_one_holder_each() -> None:
    """Also where others had another one before."""
    found = moved(entry("a"), 500, entry("b", since=400, seen=600))
    for number in range(3):
        found.take(f"10.1.2.{number}", entry(str(number), since=7))
    held = found.held(["10.1.2.2", "10.9.9.9", "10.1.2.0"])
    assert (held.places, held.since) == ([0, 2], [0, 0])
    assert [one.name for one in held.entries] == ["2", "0"]


def test_without_window_only_now_counts() -> None:
    """With a window of zero nothing is remembered."""
    assert periods(moved(entry("old"), 500, entry("new", since=400), window=0)) == [(0, "new")]


def test_the_last_holder_is_remembered_too() -> None:
    """An address that nobody has now is its last holder's for the window."""
    found = AddressHistory(1000)
    one = entry("only")
    found.take("10.1.1.1", one)
    found.release("10.1.1.1", one, 500, 500)
    assert periods(found) == [(0, "only")]
    assert found.now("10.1.1.1") is None
    assert list(found.expire(2000)) == ["10.1.1.1"]
    assert periods(found) == []


def test_a_known_start_beats_the_end_before_it() -> None:
    """The border is the start of the later holder, if that is known exactly."""
    assert periods(moved(entry("a"), 500, entry("b", since=450, seen=450))) == [
        (0, "a"),
        (450, "b"),
    ]


def test_a_pod_created_after_the_end_has_it_from_its_creation() -> None:
    """Between the end of one and the creation of the next the address is still the first one's."""
    assert periods(moved(entry("a"), 500, entry("b", since=700, seen=900))) == [
        (0, "a"),
        (700, "b"),
    ]


def test_what_a_pod_got_later_was_not_its_own_before() -> None:
    """A key that a pod got later is its own from the end of the holder before."""
    later = {"10.1.1.1": 600}
    assert periods(moved(entry("a"), 500, entry("b", since=50, seen=50, gained=later))) == [
        (0, "a"),
        (500, "b"),
    ]


def test_of_two_alive_the_newer_has_it_from_when_it_was_seen() -> None:
    """Two living pods with one address: the newer has it from when it was seen with it."""
    found = AddressHistory(1000)
    found.take("10.1.1.1", entry("a", since=100, seen=100, created="1"))
    found.take("10.1.1.1", entry("b", since=200, seen=300, created="2"))
    assert periods(found) == [(0, "a"), (300, "b")]


def test_an_ended_pod_had_it_until_its_end() -> None:
    """A pod that ended precedes the living pod with its address."""
    found = AddressHistory(1000)
    found.take("10.1.1.1", entry("next", since=100, created="1"))
    found.take("10.1.1.1", entry("ended", since=50, until=400, created="2", ended=True))
    assert periods(found) == [(0, "ended"), (400, "next")]


def test_a_node_does_not_share_an_address_with_a_pod() -> None:
    """While both live, the pod has the address at all times."""
    found = AddressHistory(1000)
    found.take("10.1.1.1", entry("n1", kind="Node", namespace=""))
    found.take("10.1.1.1", entry("pod", since=500))
    assert periods(found) == [(0, "pod")]
    assert getattr(found.now("10.1.1.1", "Node"), "name", "") == "n1"
    assert [one.name for one in found.all_now("10.1.1.1")] == ["n1", "pod"]
