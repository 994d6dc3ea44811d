"""What the pages say of files, functions and each other is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, Named, links, missing, named, pages, written

PAGES = [path.relative_to(ROOT).as_posix() for path in pages()]
WRITTEN = [page for page in PAGES if page != "CHANGELOG.md" and written(ROOT / page)]
ENTRY = ROOT / "README.md"
WALKS = ("The walk of a batch without a broker", "The walk of a batch over Kafka")
DECISION = re.compile(r"# \d{4}\. .+\n\nDate: 2\d{3}-\d\d-\d\d\.")
SECTIONS = ["Context", "Decision", "Alternatives", "Consequences"]


def _linked(page: Path) -> set[Path]:
    """The pages that a page links to."""
    targets = [target.partition("#")[0] for target in links(page.read_text(encoding="utf-8"))]
    return {(page.parent / target).resolve() for target in targets if target.endswith(".md")}


@pytest.mark.parametrize("page", WRITTEN)
def test_every_file_and_function_a_page_names_exists(page: str) -> None:
    assert missing((ROOT / page).read_text(encoding="utf-8")) == []


def test_every_page_is_reached_from_the_readme() -> None:
    """Who starts at the README and follows links comes to every page there is."""
    reached, waiting = {ENTRY}, [ENTRY]
    while waiting:
        fresh = _linked(waiting.pop()) - reached
        reached |= fresh
        waiting += fresh
    assert {ROOT / page for page in PAGES} - reached == set()


@pytest.mark.parametrize("title", WALKS)
def test_a_walk_names_where_each_step_happens(title: str) -> None:
    """A step without a function is a step that nobody can follow."""
    architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    walk = architecture.split(f"## {title}\n")[1].split("\n## ")[0]
    steps = re.split(r"^\d+\. ", walk, flags=re.MULTILINE)[1:]
    assert len(steps) >= 8
    assert [step for step in steps if not any(one.name for one in named(step))] == []


def test_decisions_are_dated_numbered_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    found = sorted(folder.glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in found] == list(range(1, len(found) + 1))
    listed = [
        path for path in links((folder / "README.md").read_text("utf-8")) if path[:4].isdecimal()
    ]
    assert listed == [path.name for path in found]
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert DECISION.match(text), path.name
        assert text.startswith(f"# {path.name[:4]}. "), path.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS, path.name


def test_the_changelog_sorts_changes_by_kind() -> None:
    """As Keep a Changelog has it: under each version, only the known kinds."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert {"Added", "Changed", "Fixed"} <= kinds
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert re.search(r"^## (?:Unreleased|\[?\d+\.\d+\.\d+)", text, re.MULTILINE)
    assert version[1] in text


def test_what_is_lost_is_found(tmp_path: Path) -> None:
    """Names in code blocks, and of folders that are not the repository's, are left alone."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_text("X = 1\nclass C:\n    y: int = 2\n    def f(self): ...\n")
    text = (
        "`a/b.py` `a/b.py:X` `a/b.py:C.f` `a/b.py:C.y` `a/c.py` `a/b.py:C.g` `a/b.py:f`\n"
        "`other/c.py` `b.py`\n```sh\n`a/d.py`\n```\n"
    )
    assert named("`a/b.py:C.f`", tmp_path) == [Named("a/b.py", "C.f")]
    assert missing(text, tmp_path) == ["a/c.py", "a/b.py:C.g", "a/b.py:f"]
