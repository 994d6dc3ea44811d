"""Markdown pages: their links and headings, and the files and definitions they name."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)+/?|[A-Z]\w+\.md)(?::([A-Za-z_][\w.]*))?`")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_GENERATED = "<!-- Generated"


class Named(NamedTuple):
    """A file or folder, and what is defined in it ("" when the page names the file alone)."""

    path: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.name}" if self.name else self.path


def pages(root: Path = ROOT) -> list[Path]:
    """Every Markdown page of the repository, those at the top first."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("deploy/*.md")])


def written(page: Path) -> bool:
    """Whether people write the page, not `make docs`."""
    return not page.read_text(encoding="utf-8").startswith(_GENERATED)


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading: its words in lower case, joined by hyphens."""
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def anchors(markdown: str) -> set[str]:
    """The anchors of a page; a heading that comes again gets a number."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", markdown)):
        name = slug(heading)
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def links(markdown: str) -> Iterator[str]:
    """The relative targets of a page's links, without those in code."""
    for inline, defined in _LINK.findall(_CODE.sub("", markdown)):
        target = inline or defined
        if not re.match(r"[a-z]+:", target):
            yield target


def resolves(target: str, folder: Path, page: Path | None = None) -> bool:
    """Whether a target such as `page.md#heading` is there, seen from a folder.

    A target without a name (`#heading`) is on the page.
    """
    name, _, anchor = target.partition("#")
    path = folder / name if name or page is None else page
    return path.exists() and (not anchor or anchor in _anchors(path.resolve()))


@cache
def _anchors(path: Path) -> set[str]:
    return anchors(path.read_text(encoding="utf-8")) if path.suffix == ".md" else set()


def named(text: str, root: Path = ROOT) -> list[Named]:
    """What a text names in backticks, of the folders that the repository has at its top."""
    tops = {path.name for path in root.iterdir()}
    found = [Named(path, name) for path, name in _NAMED.findall(_FENCE.sub("", text))]
    return [one for one in found if one.path.split("/")[0] in tops or one.name]


def missing(text: str, root: Path = ROOT) -> list[str]:
    """What a text names and the repository does not have."""
    return [str(one) for one in named(text, root) if not _exists(one, root)]


def _exists(one: Named, root: Path) -> bool:
    path = root / one.path
    if path.parts[len(root.parts)] == "build":  # made by the commands of the page
        return True
    return path.exists() and (not one.name or one.name in definitions(path))


@cache
def definitions(path: Path) -> frozenset[str]:
    """Every class, function, method and variable of a module, methods as `Class.method`."""
    return frozenset(_definitions(ast.parse(path.read_text(encoding="utf-8")).body, ""))


def _definitions(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from _definitions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [name for target in targets for name in ast.walk(target)]
            yield from (prefix + each.id for each in names if isinstance(each, ast.Name))
