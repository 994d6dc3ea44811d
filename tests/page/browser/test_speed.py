"""How long a viewer waits: a report for the eye, and deadlines that hold on a busy machine."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from selenium.webdriver.common.keys import Keys

from page.source import Source
from tests.real.browser import DESKTOP
from tests.support.edge_rows import edge, frame
from tests.support.paging import Page
from tests.support.seen import Fixed, seen

pytestmark = pytest.mark.slow
Open = Callable[[Source], Page]
_DEADLINE = 60.0
"""Seconds, many times what an idle machine needs."""
_WATCH = """
window.shownAt = 0;
new MutationObserver((_, watch) => {
  if (!document.querySelector(".cell.filled, tbody tr")) return;
  window.shownAt = performance.now();
  watch.disconnect();
}).observe(document, {childList: true, subtree: true});
"""
_SCROLL = """
const box = document.querySelector(".grid-box");
const gaps = [];
return new Promise((done) => {
  let before = performance.now(), left = 30;
  const step = (now) => {
    gaps.push(now - before);
    before = now;
    box.scrollTop += 137;
    box.scrollLeft += 91;
    if (left-- > 0) requestAnimationFrame(step);
    else done(gaps.slice(1).sort((one, other) => one - other));
  };
  requestAnimationFrame(step);
});
"""


def edges(clients: int, servers: int, each: int) -> pl.DataFrame:
    """Edges of so many clients to `each` of so many servers of one namespace."""
    numbers = pl.DataFrame({"at": range(clients * each)})
    client, turn = pl.col("at") // each, pl.col("at") % each
    server = (turn * (servers // each) + client * 7) % servers
    ends = {"client": ("client", client), "server": ("server", server)}
    return (
        frame(edge("shop/client", "shop/server", 8080))
        .join(numbers, how="cross")
        .with_columns(
            *(
                pl.format(f"{word}-{{}}", number).alias(f"{side}_workload")
                for side, (word, number) in ends.items()
            ),
            flows=1 + pl.col("at") % 5000,
            bytes=pl.col("at") * 1000,
        )
        .drop("at")
    )


@pytest.fixture
def timed(open_page: Open) -> Callable[[pl.DataFrame, str], tuple[Page, float, float]]:
    """Opens a view of edges: seconds until something is painted, and until the edges are there."""

    def measure(rows: pl.DataFrame, state: str) -> tuple[Page, float, float]:
        page = open_page(Fixed(seen(rows)))
        watch = page.driver.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH}
        )
        page.open(state, window=DESKTOP)
        page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watch)
        shown = page.until(lambda: page.browser.run("return window.shownAt"))
        paint = page.browser.run(
            "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        return page, paint / 1000, shown / 1000

    return measure


@pytest.mark.parametrize("state", ["matrix?namespace=shop", "matrix", "table"])
def test_ten_thousand_edges(
    timed: Callable[..., tuple[Page, float, float]],
    state: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = edges(500, 400, 20)
    assert rows.height == 10_000
    _, paint, shown = timed(rows, state)
    with capsys.disabled():
        print(f"\n10,000 edges, {state}: first paint {paint:.2f} s, shown {shown:.2f} s")  # noqa: T201 - the report
    assert paint < _DEADLINE
    assert shown < _DEADLINE


def test_a_thousand_by_a_thousand(
    timed: Callable[..., tuple[Page, float, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    """100,000 cells; only those in sight are elements, wherever one scrolls or jumps to."""
    page, paint, shown = timed(edges(1000, 1000, 100), "matrix?namespace=shop")
    assert page.one("[role=grid]").get_attribute("aria-rowcount") == "1001"
    assert page.one("[role=grid]").get_attribute("aria-colcount") == "1001"
    assert len(page.all("[role=gridcell]")) < 5000
    gaps = page.browser.run(_SCROLL)
    with capsys.disabled():
        print(  # noqa: T201 - the report
            f"\n1,000 x 1,000: first paint {paint:.2f} s, shown {shown:.2f} s; "
            f"a frame while scrolling: median {gaps[15]:.0f} ms, at most {gaps[-1]:.0f} ms"
        )
    assert shown < _DEADLINE
    assert len(page.all("[role=gridcell]")) < 5000
    page.one(".cell[tabindex='0']").send_keys(Keys.CONTROL, Keys.END)
    page.until(
        lambda: page.driver.switch_to.active_element.get_attribute("aria-colindex") == "1001"
    )
    assert page.texts(".grid-client .name")[-1] == "client-999"
    page.accessible("matrix-1000")
