"""Answers that are kept."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest

from page.answers import Answers
from page.source import Seen
from pipeline.kube.subnets import Label
from tests.support.edge_rows import edge, frame
from tests.support.seen import seen

ONE, OTHER = seen(frame(edge("shop/web", "shop/db"))), seen(frame(edge("shop/web", "shop/db")))


def test_an_answer_is_made_once_for_what_was_seen() -> None:
    """What was seen is compared by identity: equal frames cost more than they save."""
    made: list[str] = []
    answers = Answers()

    def ask(about: Seen, question: str) -> int:
        def make() -> int:
            made.append(question)
            return len(made)

        return answers.get(about, question, make)

    assert [ask(ONE, "a"), ask(ONE, "a"), ask(ONE, "b"), ask(ONE, "a")] == [1, 1, 2, 1]
    assert [ask(OTHER, "a"), ask(ONE, "a")] == [3, 4]
    assert made == ["a", "b", "a", "a"]


def test_the_answers_that_were_not_asked_for_longest_go_first() -> None:
    made: list[int] = []
    answers = Answers()
    for number in (*range(16), 0, 16, 0, 1):
        answers.get(ONE, number, partial(made.append, number))
    assert made == [*range(17), 1]


def test_a_failure_is_not_kept() -> None:
    answers = Answers()
    for _ in range(2):
        try:
            answers.get(ONE, "a", lambda: 1 // 0)
        except ZeroDivisionError:
            continue
    assert answers.get(ONE, "a", lambda: 7) == 7


def test_who_asks_the_same_meanwhile_waits_for_it() -> None:
    answers, begun, go = Answers(), Event(), Event()
    made: list[int] = []

    def make() -> int:
        begun.set()
        go.wait(60)
        made.append(1)
        return 5

    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(answers.get, ONE, "a", make) for _ in range(5)]
        assert begun.wait(60)
        go.set()
        assert [one.result() for one in asked] == [5] * 5
    assert made == [1]


def test_another_question_does_not_wait_for_it() -> None:
    answers, begun, go = Answers(), Event(), Event()

    def make() -> int:
        begun.set()
        go.wait(60)
        return 5

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(answers.get, ONE, "slow", make)
        assert begun.wait(60)
        assert answers.get(ONE, "quick", lambda: 7) == 7
        go.set()
        assert slow.result() == 5


def test_who_waits_for_an_answer_that_fails_is_told() -> None:
    answers, begun, go = Answers(), Event(), Event()

    def make() -> int:
        begun.set()
        go.wait(60)
        raise ValueError("no answer")

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(answers.get, ONE, "a", make) for _ in range(2)]
        assert begun.wait(60)
        go.set()
        assert [str(one.exception()) for one in asked] == ["no answer"] * 2


def test_an_answer_that_took_long_stands_for_a_while() -> None:
    """A matrix that changes all the time does not keep a processor busy."""
    answers = Answers(share=10_000)
    assert answers.get(ONE, "a", lambda: Event().wait(0.01) or 1) == 1
    assert answers.get(OTHER, "a", lambda: 2) == 1
    answers = Answers(share=0)
    assert answers.get(ONE, "a", lambda: Event().wait(0.01) or 1) == 1
    assert answers.get(OTHER, "a", lambda: 2) == 2


def test_other_labels_are_shown_at_once() -> None:
    """Whoever has just named a peer waits to see it."""
    answers = Answers(share=10_000)
    named = OTHER._replace(labels=[Label("EXT:x", ["192.0.2.0/24"])])
    assert answers.get(ONE, "a", lambda: Event().wait(0.01) or 1) == 1
    assert answers.get(named, "a", lambda: Event().wait(0.01) or 2) == 2
    assert answers.get(named._replace(beyond=1), "a", lambda: 3) == 2


def test_an_answer_that_takes_very_long_stands_longer_than_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever an answer takes, it is a bounded part of the time."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    answers, made = Answers(share=40), []

    def ask(about: Seen, seconds: float) -> int:
        def make() -> int:
            clock[0] += seconds
            made.append(seconds)
            return len(made)

        return answers.get(about, seconds, make)

    for seconds, stands in ((0.5, 30.0), (5.0, 300.0)):
        made.clear()
        ask(ONE, seconds)
        clock[0] += stands - 0.1
        assert ask(OTHER, seconds) == 1
        clock[0] += 0.2
        assert ask(OTHER, seconds) == 2
        clock[0] += 1000.0
