"""What is waited for, look by look."""

from __future__ import annotations

from pipeline.runtime.faust.answer_watch import AnswerWatch


def test_an_answer_that_does_not_come_is_told_after_seven_looks() -> None:
    watch = AnswerWatch()
    said = [watch.look({"one": "no answer"}) for _ in range(9)]
    assert said == [""] * 7 + ["no answer"] * 2
    assert watch.look({}) == ""


def test_progress_begins_anew() -> None:
    """Other answers are waited for at each look, and one of them twice."""
    watch = AnswerWatch()
    assert not any(watch.look({number // 2: "slow"}) for number in range(40))


def test_what_is_waited_for_a_third_time_keeps_other_questions_back() -> None:
    watch = AnswerWatch()
    waits = []
    for _ in range(3):
        watch.look({"one": "no answer"})
        waits.append(watch.waits)
    assert waits == [False, False, True]
    watch.look({"other": "no answer"})
    assert not watch.waits
