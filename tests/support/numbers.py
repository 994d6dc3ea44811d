"""Numbers that a page shows without saying what they count.

A number is told by the word or the unit beside it ("12 edges", "1.5 KiB", "of 3 flows"), or, alone
in a cell or a figure, by the heading of its column or its term.
"""

from __future__ import annotations

import re

from tests.support.paging import Page

_TOLD = """
const named = (one) => {
  const cell = one.closest("td, th"), table = cell?.closest("table");
  if (cell && table?.tHead && !table.tHead.contains(cell))
    return table.tHead.rows[0].cells[cell.cellIndex]?.textContent ?? "";
  return one.closest("dd")?.previousElementSibling?.textContent ?? "";
};
const own = (one) => [...one.childNodes].filter((part) => part.nodeType === 3)
  .map((part) => part.data).join(" ");
const skipped = ".name, .code, pre, textarea, option, title, .days, .port, .unseen, .rule";
return [...document.querySelectorAll("main *, #panel *")]
  .filter((one) => /\\d/.test(own(one)) && !one.closest(skipped) && one.getClientRects().length)
  .map((one) => [named(one), own(one)]);
"""
"""The texts with digits that are in sight, each with its heading ("" where it has none)."""

_NUMBER = r"\d[\d,]*(?:\.\d+)?[KMBT]?"
_UNIT = (
    r"B|[KMGTPE]iB|s|µs|%|flows?|cells?|clients?|servers?|server ports?|edges?|labels?|names?|"
    r"approved edges?|messages?|series|packets?|connections?|policies|permissions?|workloads?|"
    r"findings?|days?|weekdays?|addresses|chosen networks?|further ranges?|nodes"
)
_TOLD_BY = [
    re.compile(text)
    for text in (
        r'"[^"]*"',  # a value, as it is written
        r"\d+/\d+/\d+,? \d+:\d+:\d+\s*[AP]M",
        r"\w{3} \d+, \d{4},? (?:at )?\d+:\d+:\d+\s*[AP]M \S+",
        r"\b(?:TCP|UDP|SCTP|ICMP|line|protocol|Addresses seen:) \d+",
        rf"\b(?:Edges|[Tt]he (?:latest|first|busiest)) {_NUMBER}(?: (?:to|of) {_NUMBER})*",
        rf"(?<![\w.:/-]){_NUMBER}(?: of {_NUMBER})? (?:{_UNIT})(?:, {_NUMBER} seen)?(?![\w/])",
        rf"\b[A-Za-z ]+: {_NUMBER}(?: of {_NUMBER}| [a-z]+(?:, {_NUMBER} [a-z]+)*)\b",  # a list
    )
]
_ALONE = re.compile(rf"(?<![\w.:/\[-]){_NUMBER}(?![\w.:/\]-])")
_NAMING = re.compile(
    r"flows|bytes|packets|messages|series|edges|objects|errors|values|limit|offset|partition|"
    r"port|proto|version|connections|days|label sets",
    re.IGNORECASE,
)


def bare(page: Page) -> list[str]:
    """The texts in sight with a number of which neither unit, word nor heading says what it is."""
    found = page.browser.run(_TOLD)
    return [
        f"{heading}: {text}"
        for heading, text in found
        if not _NAMING.search(heading) and untold(text)
    ]


def untold(text: str) -> list[str]:
    """The numbers of a text without a unit.

    >>> untold("3 of 1,234 edges, 1.5 KiB, TCP 443"), untold("new 12, 3 flows")
    ([], ['12'])
    """
    for told in _TOLD_BY:
        text = told.sub("", text)
    return _ALONE.findall(text)
