"""The page in a browser as tests use it: opened, walked by mouse and keyboard, held to rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.real.browser import DESKTOP, LAPTOP, PHONE, Browser, Window

T = TypeVar("T")
_SECONDS = 180
"""More than the minutes that a document of a busy worker, and what it is made of, may be old."""
THEMES = ("light", "dark")
_NOT_YET = (StaleElementReferenceException, AssertionError, LookupError, ValueError)


class Page:
    """The page of a server at `url` (http://HOST:PORT)."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.driver = browser.driver
        self.url = url

    def open(self, state: str = "", *, window: Window = LAPTOP, theme: str = "light") -> None:
        """Load the page anew, with this state behind `#`, and wait until its view is shown."""
        self.browser.resize(window)
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/page/#{state}")
        self.theme(theme)
        self.settled()

    def theme(self, name: str) -> None:
        """Choose a theme as a viewer does."""
        self.choose("#theme", name)

    def settled(self) -> None:
        """Wait until nothing is loading any more."""
        self.until(lambda: bool(self.all("main .view h1")) and not self.all(".loading"))

    def all(self, css: str) -> list[WebElement]:
        """The elements of a selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str) -> WebElement:
        """The element of a selector, as soon as there is one."""
        return self.until(lambda: next(iter(self.all(css)), None))

    def texts(self, css: str) -> list[str]:
        """What the elements of a selector say, also where it is not visible."""
        found = self.browser.run(
            "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", css
        )
        return [str(one) for one in found]

    def text(self, css: str) -> str:
        """What an element says."""
        return self.until(lambda: (self.one(css).text,))[0]

    def button(self, name: str) -> WebElement:
        """The button or link with this text, as soon as there is one."""
        return self.until(
            lambda: next((one for one in self.all("button, a") if name == one.text.strip()), None)
        )

    def click(self, css: str, text: str = "") -> None:
        """Click the first of these elements that has this in it, as soon as there is one."""

        def clicked() -> bool:
            found = next((one for one in self.all(css) if text in one.text), None)
            if found:
                found.click()
            return found is not None

        self.until(clicked)

    def choose(self, css: str, value: str) -> None:
        """Choose a value in a list, as soon as it is there, as a viewer does."""
        self.one(f"{css} option[value='{value}']")
        self.browser.run(
            "const list = document.querySelector(arguments[0]); list.value = arguments[1];"
            "list.dispatchEvent(new Event('change', {bubbles: true}));",
            css,
            value,
        )

    def labelled(self, label: str) -> WebElement:
        """The control that a label names."""
        return self.until(
            lambda: next(
                (
                    one.find_element(By.CSS_SELECTOR, "input, select, textarea")
                    for one in self.all("label")
                    if one.text.split("\n")[0].strip() == label
                ),
                None,
            )
        )

    def write(self, label: str, text: str) -> None:
        """Write into the control of a label, and press Enter."""
        self.labelled(label).send_keys(Keys.CONTROL + "a" + Keys.NULL + text + Keys.ENTER)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def tab_to(self, arrived: str) -> None:
        """Press Tab until a script about `at`, what has the focus, is true.

        Each stop but the page itself has an outline to see.
        """
        for _ in range(200):
            ActionChains(self.driver).send_keys(Keys.TAB).perform()
            seen, there = self.browser.run(
                "const at = document.activeElement, box = at.closest('label') ?? at;"
                "const outlined = (one) => getComputedStyle(one).outlineStyle !== 'none';"
                "const seen = at === document.body || outlined(at) || outlined(box);"
                f"return [seen, Boolean({arrived})]"
            )
            assert seen, self.driver.switch_to.active_element.get_attribute("outerHTML")
            if there:
                return
        raise AssertionError(f"Tab does not lead to where {arrived}")

    @property
    def state(self) -> str:
        """What stands behind `#` of the URL."""
        return self.driver.current_url.partition("#")[2]

    def until(self, ask: Callable[[], T | None], *, seconds: float = _SECONDS) -> T:
        """What is asked for, as soon as it is true. TimeoutError after `seconds`.

        What is not drawn yet, or not any more, is not true yet.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                if found := ask():
                    return found
            except _NOT_YET:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {seconds:.0f} s: {self._shown()}")
            time.sleep(0.05)

    def _shown(self) -> str:
        try:
            path = self.browser.screenshot("timeout")
        except WebDriverException as error:
            return str(error)
        return f"{self.driver.current_url}, see {path}: {self.text('body')[:500]}"

    def fits(self, name: str) -> None:
        """Assert that it is `accessible` on a laptop, a desktop and a phone, and never too wide."""
        for window in (LAPTOP, DESKTOP, PHONE):
            self.browser.resize(window)
            self.accessible(f"{name}-{window.width}")
            wide = self.browser.run("return document.documentElement.scrollWidth")
            assert wide <= window.width, f"{name}: {wide} in {window.width}"
        self.browser.resize(LAPTOP)

    def accessible(self, name: str) -> None:
        """Assert that axe-core finds nothing, in both themes, and keep a screenshot of each."""
        before = self.browser.run("return document.documentElement.dataset.theme")
        for theme in THEMES:
            self.theme(theme)
            self.browser.screenshot(f"{name}-{theme}")
            assert self.browser.accessibility() == [], f"{name}, {theme}"
        self.theme(before)
