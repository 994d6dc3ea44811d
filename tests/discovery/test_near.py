"""The part of all ranges that has to do with some addresses."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest

from discovery import near as module
from discovery import ranges
from discovery.asked import QUESTIONS
from discovery.findings import Scope, find
from discovery.installed import listing
from discovery.near import NoRangesError, Question, installed_near, near
from discovery.ranges import RANGES
from pipeline.kube.subnets import Label
from tests.discovery.made import AWS, SEEN, edge, edges, known

pytestmark = pytest.mark.slow

NONE = QUESTIONS.to_frame()
RANGES_1 = known(*AWS, title="AWS 1")


def question(*addresses: str, cidrs: tuple[str, ...] = ()) -> Question:
    return Question(frozenset(addresses), frozenset(cidrs))


def test_all_ranges_of_the_services_around_an_address() -> None:
    found = near(RANGES_1, question(SEEN[0]))
    services = set(found["service"])
    assert "S3" in services
    whole = RANGES_1.filter(pl.col("service") == "S3", pl.col("region") == "eu-west-3")
    kept = found.filter(pl.col("service") == "S3", pl.col("region") == "eu-west-3")
    assert kept.equals(whole)
    assert found.schema == RANGES


def test_without_any_it_still_says_which_list_it_is() -> None:
    found = near(RANGES_1, question("203.0.113.9", "ten"))
    assert (found.height, ranges.titles(found)) == (1, ["AWS 1"])
    assert near(RANGES.to_frame(), question(SEEN[0])).is_empty()


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_found_is_the_same_as_in_all_ranges(*, whole: bool) -> None:
    """Proposals, their alternatives and further ranges, and labels that are not up to date."""
    labels = [Label("S3", ["3.5.224.0/22"])]
    given = edges(*(edge(one) for one in SEEN), edge("8.8.8.8"))
    asked = question(*SEEN, "8.8.8.8", cidrs=("3.5.224.0/22",))
    part = near(RANGES_1, asked)
    scope = Scope(whole=whole)
    assert find(given, NONE, part, labels, scope) == find(given, NONE, RANGES_1, labels, scope)


def test_those_of_the_installed_list_come_from_another_process() -> None:
    found = installed_near(question("3.5.206.141", cidrs=("173.245.48.0/20",)))
    installed = listing()
    assert installed
    assert ranges.titles(found) == [installed[1].title]
    assert {("AWS", "S3", "eu-west-3")} <= set(found.select(ranges.GROUP).iter_rows())
    assert "Cloudflare" in set(found["provider"])
    assert found.height < 20_000
    assert found.schema == RANGES


def test_without_a_list_there_is_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("discovery.installed.find_spec", lambda _: None)
    monkeypatch.setattr(sys, "executable", "/no/such/file")
    assert installed_near(question(SEEN[0])).is_empty()


def test_a_list_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/file")
    with pytest.raises(NoRangesError, match=r"cannot be read: .*No such file"):
        installed_near(question(SEEN[0]))


def test_a_question_that_is_not_one_ends_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-m", module.__name__], input=b"{", capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")
