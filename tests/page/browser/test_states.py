"""What is shown when there is nothing to show: each state on every window, in both themes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event

import pytest

from page.source import Seen, Source
from pipeline.api.server import Server
from tests.page.browser.conftest import answers
from tests.real.browser import Browser
from tests.support.paging import Page
from tests.support.reference_edges import edges
from tests.support.seen import Fixed, reference_seen, seen

Open = Callable[[Source], Page]


class Slow(Fixed):
    """A source that is read once it is let go."""

    def __init__(self, found: Seen) -> None:
        super().__init__(found)
        self.go = Event()

    def read(self) -> Seen:
        assert self.go.wait(600)
        return super().read()


@pytest.fixture
def away(chromium: Browser) -> Iterator[Callable[[str], Page]]:
    """Opens a view, and ends the server behind it."""

    def opened(state: str) -> Page:
        with Server("127.0.0.1:0", answers(Fixed(reference_seen()), {})) as server:
            page = Page(chromium, server.url)
            page.open(state)
        return page

    yield opened
    assert chromium.violations() == []
    chromium.driver.get("about:blank")


@pytest.mark.parametrize("view", ["matrix", "table", "peers", "policy?namespace=shop"])
def test_loading(open_page: Open, view: str) -> None:
    source = Slow(reference_seen())
    page = open_page(source)
    try:
        page.driver.get(f"{page.url}/page/#{view}")
        page.until(lambda: page.text(".loading"))
        page.fits(f"loading-{view.partition('?')[0]}")
    finally:
        source.go.set()
    page.settled()


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("matrix", "Nothing was seen yet"),
        ("table", "Nothing was seen yet"),
        ("peers", "Every peer has a name"),
        ("flows", "No flows are kept"),
        ("health", "There is no worker"),
    ],
)
def test_empty(open_page: Open, view: str, said: str) -> None:
    page = open_page(Fixed(seen(edges().clear())))
    page.open(view)
    assert page.text(".empty h2") == said
    page.fits(f"empty-{view}")


@pytest.mark.parametrize("view", ["matrix?namespace=netobserv", "table"])
def test_what_was_seen_stays_when_nobody_answers(away: Callable[[str], Page], view: str) -> None:
    page = away(view)
    page.until(lambda: "Not up to date: the server does not answer" in page.text("#alert"))
    assert page.all(".cell.filled, tbody tr")
    page.fits(f"stale-{view.partition('?')[0]}")


def test_nobody_has_ever_answered(open_page: Open) -> None:
    """The view says so, and is there as soon as somebody does."""
    source = Broken(reference_seen())
    page = open_page(source)
    page.driver.get(f"{page.url}/page/#matrix")
    page.until(lambda: "No answer: the disk is on fire" in page.text("#alert"))
    assert not page.text(".loading"), "nothing is said to be on its way"
    page.fits("error-matrix")
    source.error = None
    page.until(lambda: page.all(".cell.filled"))
    assert not page.text("#alert")


class Broken(Fixed):
    """A source that cannot be read, until it can."""

    error: Exception | None = RuntimeError("the disk is on fire")

    def read(self) -> Seen:
        if self.error:
            raise self.error
        return super().read()
