"""What a person is told about the messages of a run."""

from collections import Counter

from pipeline.exposition.account import Account, Reasons
from pipeline.plan.outcome import Outcome, Reject


def test_of_one_metric_the_sums_are_those_of_the_messages() -> None:
    account = Account(9, 2, 1, 4, 2, 1, Counter({"JSON is malformed": 2, "Bytes is negative": 1}))
    assert str(account) == (
        "9 read, 4 counted, 2 filtered, 3 rejected: JSON is malformed (2); Bytes is negative (1)"
    )
    assert not account.nothing_else


def test_of_several_metrics_each_flow_has_an_end_in_each() -> None:
    account = Account(9, 1, 2, 10, 6, 0, Counter({"cut": 1}))
    assert str(account) == (
        "9 read, 1 rejected; in 2 metrics and outputs 10 counted, 6 filtered, 0 rejected: cut (1)"
    )


def test_of_many_reasons_the_first_are_said() -> None:
    account = Account(99, 99, 1, 0, 0, 0, Counter({f"reason {n}": 10 - n for n in range(6)}))
    assert str(account).endswith("reason 0 (10); reason 1 (9); reason 2 (8); and 72 more")
    assert account.nothing_else


def test_a_reason_is_on_the_line_whatever_it_holds() -> None:
    account = Account(1, 1, 1, 0, 0, 0, Counter({"\x1b]0;x\n": 1}))
    assert str(account).isprintable()


def test_nothing_read_is_not_nothing_but_rejects() -> None:
    assert str(Account(0, 0, 1, 0, 0, 0, Counter())) == "0 read, 0 counted, 0 filtered, 0 rejected"
    assert not Account(0, 0, 1, 0, 0, 0, Counter()).nothing_else


def test_different_reasons_do_not_pile_up() -> None:
    reasons = Reasons()
    for start in range(0, 1000, 10):
        rejects = [Reject("in", f"at byte {n}", b"x", n) for n in range(start, start + 10)]
        reasons.add(Outcome(10, rejects=rejects))
    assert len(reasons.counts) == 100


def test_empty_messages_are_told() -> None:
    """A hole of zeros in a recording reads as empty messages, of which nothing was said."""
    account = Account(2, 1, 1, 1, 0, 0, Counter({"cut": 1}), 4096)
    assert str(account) == "2 read, 1 counted, 0 filtered, 1 rejected: cut (1); 4096 empty"
