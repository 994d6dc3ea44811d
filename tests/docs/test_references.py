"""Every citation of a page of docs/ and every link between documents leads somewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, anchors, links, resolves, slug

ABSENT = re.compile(r"\b(?:flp|operator|blog)-(?:semantics|spec|scenario)\b")
"""Documents that the code cited once and the repository never had."""
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".toml", ".json"}
NO_SOURCES = re.compile(r"\..*|build|.*\.egg-info")
LINKED = ("docs/**/*.md", "deploy/*.md", "*.md")
_CITATION = re.compile(r"(?<![\w./-])docs/(?:[\w-]+/)*[\w-]+\.md(?:#[\w-]+)?")


@cache
def sources() -> dict[str, str]:
    """Path from the top of the repository -> text of every file that may cite a page."""
    tops = [path for path in ROOT.iterdir() if not NO_SOURCES.fullmatch(path.name)]
    paths = [path for top in tops for path in (top, *top.rglob("*")) if path.suffix in SUFFIXES]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(paths)}


def lost(path: str, text: str, root: Path = ROOT) -> list[str]:
    """The citations of a text that lead nowhere."""
    cited = sorted(set(_CITATION.findall(text)))
    return [f"{path}: {target}" for target in cited if not resolves(target, root)]


def test_every_citation_leads_to_a_heading() -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    citing = {path: text for path, text in sources().items() if path != here}
    assert [each for path, text in citing.items() for each in lost(path, text)] == []


def test_the_code_cites_rules_by_heading() -> None:
    code = {
        path: _CITATION.findall(text) for path, text in sources().items() if path.endswith(".py")
    }
    rules = [each for cited in code.values() for each in cited if "docs/reference/" in each]
    assert len(rules) > 50
    assert [each for each in rules if "#" not in each] == []


def test_no_document_is_cited_that_is_not_there() -> None:
    assert [path for path, text in sources().items() if ABSENT.search(text)] == []


@pytest.mark.parametrize("path", sorted({p for glob in LINKED for p in ROOT.glob(glob)}), ids=str)
def test_every_link_of_a_document_leads_somewhere(path: Path) -> None:
    targets = links(path.read_text(encoding="utf-8"))
    assert [each for each in targets if not resolves(each, path.parent, path)] == []


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Filter rules", "filter-rules"),
        ("`add_subnet_label`", "add_subnet_label"),
        ("What it is, and isn't!", "what-it-is-and-isnt"),
        ("Kafka - ingest (TLS)", "kafka---ingest-tls"),
        ("The [table](x.md#y) of 2", "the-table-of-2"),
    ],
)
def test_slug(heading: str, expected: str) -> None:
    assert slug(heading) == expected


def test_anchors_number_what_comes_again_and_leave_out_code() -> None:
    page = "# Top\n\n## Same\n\n```sh\n# no heading\n```\n\n## Same ##\n\n#hash\n"
    assert anchors(page) == {"top", "same", "same-1"}


def test_what_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "page.md"
    page.write_text("# Title\n\n[up](#title) [out](#nowhere) [gone](gone.md) `[code](not.md)`\n")
    cited = "docs/page.md, docs/page.md#title. docs/page.md#titel, docs/gone.md#title, docs/*.md"
    assert lost("a.py", cited, tmp_path) == [
        "a.py: docs/gone.md#title",
        "a.py: docs/page.md#titel",
    ]
    targets = list(links(page.read_text()))
    assert [each for each in targets if not resolves(each, page.parent, page)] == [
        "#nowhere",
        "gone.md",
    ]
