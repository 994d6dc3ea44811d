"""A connection is judged once, and told once an hour when it would be denied."""

from __future__ import annotations

import logging

import polars as pl
import pytest

from policy.objects import Cluster
from stages.edges.connections import SEPARATOR
from stages.edges.judging import Judge
from tests.support.policies import pod, policy

OBJECTS = [
    pod("shop/web", "10.0.0.1", labels={"app": "web"}),
    pod("shop/db", "10.0.0.2", labels={"app": "db"}),
]
POLICY = policy(
    "shop/db", "{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 1}]}]}"
)


def connection(client: str, port: int) -> str:
    return SEPARATOR.join(["", "", "", client, "Pod", "shop", "db", "", "TCP", str(port)])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def judge(clock: Clock) -> Judge:
    found = Judge([POLICY], clock)
    found.know(Cluster(OBJECTS))
    return found


def test_what_is_denied_is_told_once_an_hour(
    judge: Judge, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    asked = pl.Series([connection("1.1.1.1", 2), connection("1.1.1.1", 1), None])
    for clock.now in (0.0, 3599.0, 3600.0):
        said = judge.verdicts(asked)
    assert said.rows() == [("denied", "shop/db"), ("allowed", "shop/db"), ("unknown", None)]
    line = "would be denied: 1.1.1.1 to Pod shop/db at TCP 2, isolated by shop/db ingress"
    assert caplog.messages == [line] * 2


def test_ten_lines_a_minute_and_later_the_others(
    judge: Judge, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    asked = pl.Series([connection(f"1.1.1.{number}", 2) for number in range(25)])
    for clock.now, lines in ((0.0, 10), (59.0, 10), (60.0, 20), (120.0, 25), (180.0, 25)):
        judge.verdicts(asked)
        assert len(set(caplog.messages)) == len(caplog.messages) == lines


def test_a_name_moves_no_cursor(judge: Judge, caplog: pytest.LogCaptureFixture) -> None:
    judge.verdicts(pl.Series([connection("\x1b[2J", 2)]))
    assert all(text.isprintable() for text in caplog.messages)


def test_other_objects_give_other_verdicts(judge: Judge) -> None:
    """A pod that is gone is not known any more."""
    asked = pl.Series([connection("1.1.1.1", 2)])
    assert judge.verdicts(asked)["verdict"].to_list() == ["denied"]
    judge.know(Cluster(OBJECTS[:1]))
    assert judge.verdicts(asked)["verdict"].to_list() == ["unknown"]
