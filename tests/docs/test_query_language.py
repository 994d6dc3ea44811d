"""The queries of the page about them are queries, and its example is a stage."""

from __future__ import annotations

import re

import pytest

from pipeline.predicate import query
from tests.docs.markdown import ROOT

PAGE = (ROOT / "docs" / "query-language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| [\w ,']+ \| `(.+)` \|$", PAGE, re.MULTILINE)
EXAMPLES += re.findall(r"query: '(.+)'", PAGE)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_a_query_on_known_fields(text: str) -> None:
    assert list(query.problems(text, ())) == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 5
