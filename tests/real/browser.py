"""A real browser: Debian's Chromium without a window, driven by selenium, with axe-core at hand.

Every page is watched from its first moment (`WATCH`): violations of its content security policy
are kept. Console errors and requests come from Chromium's own logs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.real import npm
from tests.real.parts import debian

AXE = "4.14.1"
_AXE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(
  `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
_PATIENCE = 120
"""Seconds that a script may take on a busy machine."""
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Window(NamedTuple):
    """The size of a window, in CSS pixels."""

    width: int
    height: int


LAPTOP, DESKTOP, PHONE = Window(1280, 800), Window(1920, 1080), Window(390, 844)


def axe() -> str:
    """The source of axe-core, from npm."""
    return (npm.package("axe-core", AXE, _AXE_SHA256) / "axe.min.js").read_text(encoding="utf-8")


class Browser:
    """A Chromium; `driver` is selenium's."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver
        driver.set_script_timeout(_PATIENCE)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})

    def resize(self, window: Window) -> None:
        """Give the page this size, also smaller than any window."""
        metrics = {"width": window.width, "height": window.height, "deviceScaleFactor": 1}
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", metrics | {"mobile": window.width < 600}
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a script, which may be a promise's.

        It is run by the debugger: what the page's own policy forbids its scripts is not in its way.
        """
        return self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "Promise.resolve((function() {" + script + "}).apply(null, arguments)).then(done);",
            *arguments,
        )

    def screenshot(self, name: str) -> Path:
        """A picture of what the page shows, in $FLOWMATRIX_ARTEFACTS or build/screenshots."""
        folder = Path(os.environ.get("FLOWMATRIX_ARTEFACTS") or "build/screenshots")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        path.write_bytes(self.driver.get_screenshot_as_png())
        return path

    def violations(self) -> list[str]:
        """What the page's content security policy has blocked since it was loaded."""
        return list(self.driver.execute_script("return window.violations || []"))

    def console(self) -> list[str]:
        """The errors on the console since it was asked last; a status that says "no" is none."""
        return [
            entry["message"]
            for entry in self._log("browser")
            if entry["level"] == "SEVERE" and entry["source"] != "network"
        ]

    def requests(self) -> list[str]:
        """The URLs asked for since it was asked last."""
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return found

    def accessibility(self) -> list[str]:
        """What axe-core finds wrong with the page as it is: the rule, and where."""
        self.driver.execute_cdp_cmd(
            "Runtime.evaluate", {"expression": f"if (!window.axe) {{ {axe()}\n }}"}
        )
        found = self.run(
            "return axe.run(document, {runOnly: {type: 'tag', values: arguments[0]},"
            " resultTypes: ['violations']})",
            _RULES,
        )
        return [
            f"{one['id']}: {node['html'][:300]} ({node['failureSummary']})"
            for one in found["violations"]
            for node in one["nodes"][:3]
        ]


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A Chromium of its own, its profile in `folder`. Raises Missing."""
    options = ChromeOptions()
    options.binary_location = debian("chromium", "chromium")
    for argument in (
        "--headless=new",
        "--no-sandbox",  # root runs it in CI; it opens nothing but pages of ours
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        "--force-color-profile=srgb",
        f"--user-data-dir={folder}",
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(debian("chromium-driver", "chromedriver"))
    driver = Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
