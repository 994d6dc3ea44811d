"""The shell in a browser: navigation, history, theme, and what is said when nobody answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from selenium.webdriver.common.keys import Keys

from matrix.approved import approve, dump
from matrix.facts import NoFactsError
from page.drift import DESCRIBED
from page.source import Seen
from pipeline.app.documents import Extra
from pipeline.cli.page_api import page_documents
from tests.real.browser import PHONE, Browser
from tests.real.parts import LOCALHOST
from tests.support.paging import Page
from tests.support.seen import Fixed, reference_seen

Open = Callable[..., Page]


class Moody(Fixed):
    """A source that may fail."""

    error: Exception | None = None

    def read(self) -> Seen:
        if self.error:
            raise self.error
        return super().read()


def test_views_are_links_and_the_back_button_goes_back(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("matrix?namespace=netobserv")
    page.button("Table").click()
    page.until(lambda: page.driver.title == "Table · flowmatrix")
    assert page.state == "table?namespace=netobserv", "the namespace goes with the viewer"
    current = page.all("nav [aria-current=page]")
    assert [one.text for one in current] == ["Table"]
    page.driver.back()
    page.until(lambda: page.driver.title == "Matrix · flowmatrix")
    assert page.state == "matrix?namespace=netobserv"


def test_a_view_that_does_not_exist_is_the_first_one(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("nosuch?namespace=netobserv")
    assert page.driver.title == "Matrix · flowmatrix"


def test_it_works_behind_a_proxy_under_any_path(open_page: Open, chromium: Browser) -> None:
    """A proxy that takes a prefix from the path is all it needs: every URL is relative."""
    direct = open_page(Fixed(reference_seen()))
    with proxied(direct.url, "/a/b%20c") as url:
        page = Page(chromium, url)
        page.open("matrix?namespace=netobserv")
        assert len(page.all(".cell.filled")) == 14
        page.button("Table").click()
        page.until(lambda: page.text("caption").startswith("27 edges"))
        asked = [one for one in chromium.requests() if not one.startswith("about:")]
        assert len(asked) > 10
        assert [one for one in asked if not one.startswith(f"{url}/")] == []
        page.driver.get("about:blank")


def passed(url: str) -> Any:
    """An answer, whatever its status is."""
    try:
        return urlopen(url)
    except HTTPError as answer:
        return answer


@contextmanager
def proxied(target: str, prefix: str) -> Iterator[str]:
    """The URL of a proxy that passes on what stands behind a prefix, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix(prefix)
            if path == self.path:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            with passed(target + path) as answer:
                body = answer.read()
                self.send_response(answer.status)
                for name in ("Content-Type", "Content-Security-Policy", "ETag"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing of it is of interest."""

    with ThreadingHTTPServer((LOCALHOST, 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOCALHOST}:{server.server_port}{prefix}"
        server.shutdown()


def test_the_theme_is_kept(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("matrix", theme="dark")
    dark = page.browser.run("return getComputedStyle(document.body).backgroundColor")
    page.driver.refresh()
    page.settled()
    assert page.one("#theme").get_attribute("value") == "dark"
    page.theme("light")
    assert page.browser.run("return getComputedStyle(document.body).backgroundColor") != dark


def test_the_first_key_skips_the_navigation(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("table")
    page.one("body").send_keys(Keys.TAB)
    assert page.driver.switch_to.active_element.text == "Skip to the content"
    page.press(Keys.ENTER)
    assert page.driver.switch_to.active_element.get_attribute("id") == "main"


def test_a_source_without_edges_says_what_is_missing(open_page: Open) -> None:
    source = Moody(reference_seen())
    source.error = NoFactsError("no edges are counted: add a stage of type encode_matrix")
    page = open_page(source)
    page.open("matrix")
    assert page.text(".empty h2") == "There is no matrix here"
    assert "add a stage of type encode_matrix" in page.text(".empty")
    page.accessible("matrix-no-edges")


def test_what_is_out_of_date_is_said_and_taken_back(open_page: Open) -> None:
    source = Moody(reference_seen())
    page = open_page(source)
    page.open("matrix?namespace=netobserv")
    source.error = RuntimeError("the disk is on fire")
    page.until(lambda: "Not up to date: the disk is on fire" in page.text("#alert"))
    assert len(page.all(".cell.filled")) == 14, "what was known stays"
    page.accessible("matrix-stale")
    source.error = None
    page.until(lambda: not page.text("#alert"))


def test_a_pause_is_a_pause(open_page: Open) -> None:
    source = Moody(reference_seen())
    page = open_page(source)
    page.open("matrix?namespace=netobserv")
    page.button("Pause").click()
    assert page.one("#pause").get_attribute("aria-pressed") == "true"
    source.error = RuntimeError("gone")
    with pytest.raises(TimeoutError):
        page.until(lambda: page.text("#alert"), seconds=7)
    page.button("Pause").click()
    page.until(lambda: "Not up to date" in page.text("#alert"))


_HURRY = """
const later = window.setTimeout;
window.setTimeout = (act, pause) => later(act, Math.min(pause, 100));
"""
_SEEN = """
Object.defineProperty(document, "hidden", {value: arguments[0], configurable: true});
window.since = performance.now();
document.dispatchEvent(new Event("visibilitychange"));
"""
_ASKED = """
return performance.getEntriesByType("resource").some((one) => one.startTime > window.since);
"""


def test_a_page_that_nobody_sees_asks_for_nothing(open_page: Open) -> None:
    """In a tab behind others, say; it asks at once when it is seen again."""
    page = open_page(Fixed(reference_seen()))
    add, remove = (f"Page.{what}ScriptToEvaluateOnNewDocument" for what in ("add", "remove"))
    hurry = page.driver.execute_cdp_cmd(add, {"source": _HURRY})
    page.open("matrix?namespace=netobserv")
    page.driver.execute_cdp_cmd(remove, hurry)
    page.browser.run("window.since = performance.now()")
    page.until(lambda: page.browser.run(_ASKED))
    page.browser.run(_SEEN, True)
    with pytest.raises(TimeoutError):
        page.until(lambda: page.browser.run(_ASKED), seconds=3)
    page.browser.run(_SEEN, False)
    page.until(lambda: page.browser.run(_ASKED))


def test_an_answer_that_has_not_changed_is_not_sent_again(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("matrix?namespace=netobserv")
    page.browser.run("performance.clearResourceTimings()")
    sizes = page.until(
        lambda: page.browser.run(
            "return performance.getEntriesByType('resource')"
            ".filter((one) => one.name.includes('/matrix')).map((one) => one.responseStatus)"
        )
    )
    assert set(sizes) == {HTTPStatus.NOT_MODIFIED}


@pytest.mark.parametrize(
    ("state", "label", "key", "text"),
    [
        ("matrix", "Find", "find", "loki"),
        ("table", "Peer", "peer", "netobserv"),
        ("peers", "Namespace", "namespace", "noo-loki"),
        ("policy", "From", "from", "shop/web"),
    ],
)
def test_what_is_chosen_by_keyboard_is_taken_back_and_kept_in_focus(
    open_page: Open, state: str, label: str, key: str, text: str
) -> None:
    """URL = state: the controls show what the URL says also while one of them has the focus."""
    page = open_page(Fixed(reference_seen()))
    page.open(state)
    page.write(label, text)
    page.until(lambda: f"{key}=" in page.state)
    assert page.labelled(label) == page.driver.switch_to.active_element
    page.browser.run(f"location.hash = '{state}'")
    page.until(lambda: page.labelled(label).get_attribute("value") == "")
    assert page.labelled(label) == page.driver.switch_to.active_element


def test_what_a_namespace_adds_is_there_at_once(open_page: Open) -> None:
    """The list of namespaces has the focus, and a control appears beside it."""
    page = open_page(Fixed(reference_seen()))
    page.open("matrix")
    page.labelled("Namespace").send_keys("netobserv")
    page.until(lambda: "Direction" in page.texts(".choice legend"))
    assert page.labelled("Namespace") == page.driver.switch_to.active_element


def test_a_paused_page_shows_what_is_chosen(open_page: Open) -> None:
    """A pause keeps what is shown as it is; what somebody asks for is not that."""
    page = open_page(Fixed(reference_seen()))
    page.open("matrix")
    page.button("Pause").click()
    page.choose(".controls select", "netobserv")
    page.until(lambda: len(page.all(".cell.filled")) == 14)
    page.button("Table").click()
    page.until(lambda: page.text("caption").startswith("27 edges"))
    assert page.one("#pause").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize(
    "state", ["matrix?collapse=nosuch", "drift?only=nosuch", "peers?every=nosuch"]
)
def test_an_address_that_asks_for_what_there_is_not(
    open_page: Open, tmp_path: Path, state: str
) -> None:
    """It says so, not that the server is asked again, and leads to where the view begins."""
    source = Fixed(reference_seen())
    source.approved = tmp_path / "approved.yaml"
    source.approved.write_text(dump(approve(source.read().edges())))
    page = open_page(source)
    page.driver.get(f"{page.url}/page/#{state}")
    page.until(lambda: "This cannot be shown" in page.text("#alert"))
    assert "nosuch" in page.text("#alert")
    assert not "".join(one.text for one in page.all(".loading")), "nothing is said to be on its way"
    page.accessible("wrong-address")
    page.button("Begin this view anew").click()
    page.until(lambda: not page.text("#alert"))
    assert page.state == state.partition("?")[0]


def on_fire(_: Mapping[str, str]) -> object:
    raise RuntimeError("the disk is on fire")


def test_an_answer_of_one_document_does_not_hide_that_another_fails(open_page: Open) -> None:
    source = Moody(reference_seen())
    page = open_page(source, {"drift": Extra(on_fire, DESCRIBED)})
    page.driver.get(f"{page.url}/page/#drift")
    page.until(lambda: "No answer: the disk is on fire" in page.text("#alert"))
    page.until(lambda: "netobserv" in page.texts(".controls option"))
    assert "No answer: the disk is on fire" in page.text("#alert")


def test_who_goes_on_before_the_panel_is_there_sees_where_he_is(open_page: Open) -> None:
    """The panel of the first edge is fetched when it is opened; the viewer does not wait."""
    page = open_page(Fixed(reference_seen()))
    page.open("table?namespace=netobserv")
    edge = page.one("tbody th a").get_attribute("href") or ""
    here = page.driver.current_url
    page.browser.run(
        "location.hash = new URL(arguments[0]).hash;"
        "return new Promise((go) => addEventListener('hashchange', go, {once: true}))"
        ".then(() => { location.hash = new URL(arguments[1]).hash; })",
        edge,
        here,
    )
    page.until(lambda: page.driver.current_url == here and not page.one("#panel").is_displayed())
    page.one("tbody th a").click()
    page.until(lambda: page.text("#panel h2"))
    page.button("Close").click()
    page.until(lambda: not page.one("#panel").is_displayed())


def test_every_view_is_in_sight_on_a_phone(open_page: Open) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("matrix", window=PHONE)
    sides = page.browser.run(
        "return [...document.querySelectorAll('nav a')].map((one) => {"
        "const {left, right} = one.getBoundingClientRect(); return [left, right]; })"
    )
    assert len(sides) == 8
    assert [one for one in sides if one[0] < 0 or one[1] > PHONE.width] == []


def test_the_page_says_what_it_is_about(open_page: Open) -> None:
    """As text, and cut where it is long: its title has all of it."""
    source, long = Fixed(reference_seen()), "<b>http://127.0.0.1:9102/</b>, " * 9
    page = open_page(source, {"about": page_documents(source, long)["about"]})
    page.open("matrix")
    page.until(lambda: page.texts("#source") == [long])
    assert page.one("#source").get_attribute("title") == long
    assert not page.all("#source b")
    page.fits("long-source")
