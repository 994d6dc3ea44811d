"""A browser on a server of the page; after each test it is held to what every page must keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

import pytest

import page
from discovery.ranges import RANGES
from page.documents import documents
from page.source import Source
from pipeline.api.server import Answers, Server
from pipeline.api.static import files
from pipeline.app.documents import Extra, actions
from tests.real.browser import Browser
from tests.real.parts import LOCALHOST
from tests.support.paging import Page

STATIC = Path(page.__file__).parent / "static"


def answers(source: Source, more: Mapping[str, Extra]) -> Answers:
    """The page and its documents about a source, and more; no list of ranges is there."""
    extra = documents(source, lambda _: RANGES.to_frame(), share=2)
    extra |= more
    return Answers(
        metrics=lambda _: "",
        ready=lambda: "",
        documents={name: one.answer for name, one in extra.items() if one.answer},
        actions=actions(extra),
        files=files(STATIC),
    )


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Serves a source, with more documents or without, and gives the browser on its page.

    After the test: nothing has gone wrong on the console, the policy has blocked nothing, and
    nothing was asked of anybody else.
    """
    chromium.console()
    chromium.requests()
    with ExitStack() as stack:

        def serve(source: Source, more: Mapping[str, Extra] = MappingProxyType({})) -> Page:
            server = stack.enter_context(Server("127.0.0.1:0", answers(source, more)))
            return Page(chromium, server.url)

        yield serve
        kept = chromium.violations(), chromium.console(), chromium.requests()
        chromium.driver.get("about:blank")
    violations, errors, requests = kept
    assert violations == []
    assert errors == []
    allowed = (f"http://{LOCALHOST}:", "about:", "data:", "blob:", "chrome:")
    assert [url for url in requests if not url.startswith(allowed)] == []


@pytest.fixture
def chromium_files(chromium: Browser, tmp_path: Path) -> Path:
    """Where the browser puts what is downloaded in this test."""
    chromium.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    return tmp_path
