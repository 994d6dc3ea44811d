"""Names that would be markup, or hide something, are shown as the text that they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import polars as pl
import pytest

from page import recent
from page.source import Source
from pipeline.cli.kept_flows import kept_in
from pipeline.cli.page_api import page_documents
from tests.support.edge_rows import edge, frame
from tests.support.kept import parquet
from tests.support.paging import Page
from tests.support.seen import Fixed, reference_flows, reference_seen, seen

Open = Callable[[Source], Page]
HOSTILE = {
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>": "</script><script>alert(1)</script>",
    '"><svg onload=alert(1)>': '"><svg onload=alert(1)>',
    "javascript:alert(1)": "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}": "{{constructor.constructor('alert(1)')()}}",
    "&lt;b&gt;&#0;": "&lt;b&gt;&#0;",
    "a\u202egnp.exe": "a\\u202egnp.exe",
    "zero\u200bwidth": "zero\\u200bwidth",
    "\x1b[31mred\x07": "\\u001b[31mred\\u0007",
    "line\nbreak\ttab\0nul": "line\\u000abreak\\u0009tab\\u0000nul",
    "שלום-عالم": "שלום-عالم",
    "x" * 253: "x" * 253,
    "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}": "\N{WOMAN}\\u200d\N{PERSONAL COMPUTER}",
}
ROWS = [
    row
    for name in HOSTILE
    for row in (
        edge("shop/web", "shop/db", 1, client_workload=name, server_label=name),
        edge("shop/web", f"label:{name}", 2, zones=[name], dns_names=[name], policies=[name]),
    )
]


@pytest.mark.parametrize("state", ["matrix?namespace=shop", "table", "matrix?collapse=each"])
def test_views_show_them_as_text(open_page: Open, state: str) -> None:
    page = open_page(Fixed(seen(frame(*ROWS))))
    page.open(state)
    shown = "\n".join(page.texts(".name"))
    for text in HOSTILE.values():
        assert text in shown
    assert page.all("main img, main script, main svg") == []
    wide = page.browser.run("return document.documentElement.scrollWidth")
    assert wide <= 1280, "a long name widens no page"
    page.accessible(f"names-{state.split('?', maxsplit=1)[0]}")


@pytest.mark.parametrize("name", list(HOSTILE), ids=range(len(HOSTILE)))
def test_the_panel_shows_them_as_text(open_page: Open, name: str) -> None:
    """The key in the URL survives whatever letters it has."""
    row = ROWS[2 * list(HOSTILE).index(name) + 1]
    page = open_page(Fixed(seen(frame(row))))
    page.open("table")
    page.one("tbody th a").click()
    page.until(lambda: "Zones" in page.text("#panel"))
    assert page.texts("#panel h2 .name")[1] == HOSTILE[name]
    assert page.texts("#panel .list .name") == [HOSTILE[name]] * 3
    assert page.all("#panel img, #panel script, #panel svg") == []


@pytest.mark.parametrize("namespace", list(HOSTILE)[:8], ids=range(8))
def test_a_namespace_from_the_url_is_text_too(open_page: Open, namespace: str) -> None:
    page = open_page(Fixed(seen(frame(edge("shop/web", "shop/db")))))
    page.open(f"matrix?{urlencode({'namespace': namespace, 'find': namespace})}")
    page.until(lambda: page.all(".empty"))
    assert page.all("main img, main script, main svg") == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"query": "\u202egpj.exe"}, "query: column 1: unexpected \\u202e"),
        ({"collapse": "a\u202eb"}, 'collapse: "a\\u202eb" is not known'),
    ],
)
def test_a_refusal_repeats_what_was_asked_as_text(
    open_page: Open, state: dict[str, str], said: str
) -> None:
    page = open_page(Fixed(seen(frame(edge("shop/web", "shop/db")))))
    page.open(f"table?{urlencode(state)}")
    page.until(lambda: page.text("#wrong").startswith(said))


def test_flows_of_memory_and_of_files_show_them_as_text(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    """In the table, in the overview, and as the text of its elements that a reader hears."""
    names = list(HOSTILE)
    flows = reference_flows().head(len(names))
    flows = flows.with_columns(
        pl.Series("SrcK8S_OwnerName", names), pl.Series("DstK8S_OwnerName", names[::-1])
    )
    parquet(tmp_path / "a.parquet", flows)
    more = page_documents(
        Fixed(reference_seen(), flows),
        "a test",
        latest=lambda asked: recent.page(flows, asked),
        files=kept_in([tmp_path]).page,
    )
    page = open_page(Fixed(reference_seen()), {name: more[name] for name in ("flows", "about")})
    for of in ("latest", "files"):
        page.open(f"flows?of={of}&columns=SrcK8S_OwnerName,DstK8S_OwnerName")
        page.until(lambda: page.all("main svg text"))
        shown = set(page.texts("main tbody td"))
        assert set(HOSTILE.values()) <= shown
        assert page.all("main img, main script, main svg svg, main [onload], main [onerror]") == []
        wide = page.browser.run("return document.documentElement.scrollWidth")
        assert wide <= 1280, "a long name widens no page"
        page.accessible(f"names-flows-{of}")
