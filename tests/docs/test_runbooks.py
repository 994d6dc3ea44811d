"""What runbooks quote: each message is one that the engine says, each metric one that it has."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from pipeline.exposition.declared import METRICS
from tests.docs.markdown import ROOT

FOLDER = ROOT / "docs" / "runbooks"
PAGES = sorted(path.name for path in FOLDER.glob("*.md"))
SPAN = re.compile(r"`([^`]+)`")
VARIABLE = re.compile(
    r"""…|\b[A-Z]\b|\bHOST:PORT\b|"\w+"|\(\d+\)|\[\d+\]|\b\d+\b|\w+Error"""
    r"""|(?:flowmatrix-)?network-flows[\w-]*|ledger\.checkpoint"""
)
"""What stands for a value in a quoted message."""
OTHERS = {
    "Not authorized to read from topic",
    "failed to decode",
    "pods: never listed: Unauthorized",
    "never listed: Unauthorized",
}
"""What a library or a server says."""
NO_MESSAGE = re.compile(r"[{=/]|^(?:flowmatrix|kill) |^(?:start_offset|of): ")


@cache
def said() -> str:
    """Every text in the source of the engine, a line each."""
    trees = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "pipeline").rglob("*.py")]
    texts = [
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return re.sub(r"%[sd]", "…", "\n".join(texts))


def quoted(text: str) -> list[str]:
    """The messages in a page: code of several words that is neither a command nor a setting."""
    prose = re.sub(r"^ *```(?:sh|yaml).*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    shown = [line.removeprefix("error: ") for line in prose.splitlines() if "error: " in line[:7]]
    spans = [*map(" ".join, map(str.split, SPAN.findall(prose.replace("```", "")))), *shown]
    return [span for span in spans if span.count(" ") > 1 and not NO_MESSAGE.search(span)]


def unsaid(message: str) -> list[str]:
    """The parts of a message, between its variables, that the engine does not say."""
    parts = [part.strip(" :;,().") for part in VARIABLE.split(message)]
    return [part for part in parts if len(part) > 3 and part not in said()]


@pytest.mark.parametrize("page", PAGES)
def test_every_message_that_a_runbook_quotes_is_said(page: str) -> None:
    messages = [m for m in quoted((FOLDER / page).read_text("utf-8")) if m not in OTHERS]
    assert {message: unsaid(message) for message in messages if unsaid(message)} == {}


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_that_a_runbook_names_exists(page: str) -> None:
    named = set(re.findall(r"`flowmatrix_(\w+)", (FOLDER / page).read_text("utf-8")))
    assert {name for name in named if not name.endswith("_")} - set(METRICS) == set()


def test_enough_is_quoted_to_say_something() -> None:
    pages = [(FOLDER / page).read_text("utf-8") for page in PAGES]
    assert sum(len(quoted(page)) for page in pages) > 15
    assert unsaid("network-flows[2] ends at 7, but nobody says this") != []
