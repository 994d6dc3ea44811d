"""The files of the page: types of its modules, and what its policy would block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import page
from tests.real.npm import node, package

STATIC = Path(page.__file__).parent / "static"
MODULES = sorted(STATIC.rglob("*.js"))
TYPESCRIPT = "5.9.3"
_SHA256 = "10e108c9cf7d5f2879053dff18515fb405abf2ccef63eaaf017d9c571687a1d3"
_OPTIONS = [
    *("--noEmit", "--allowJs", "--checkJs", "--strict", "--noUnusedLocals", "--noUnusedParameters"),
    *("--target", "es2023", "--module", "esnext", "--moduleResolution", "bundler"),
    *("--lib", "es2023,dom,dom.iterable"),
]


@pytest.mark.real
@pytest.mark.slow
def test_the_types_of_the_modules_are_right() -> None:
    compiler = package("typescript", TYPESCRIPT, _SHA256) / "lib" / "tsc.js"
    done = node(compiler, *_OPTIONS, *MODULES)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_makes_markup_or_code_of_text(path: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|srcdoc"
    assert re.findall(forbidden, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_what_a_module_imports_is_shipped(path: Path) -> None:
    for name in imported(path):
        assert (path.parent / name).resolve() in MODULES


def imported(path: Path) -> Iterator[str]:
    yield from re.findall(r'(?:from|import\()\s*"(\.[^"]+)"', path.read_text(encoding="utf-8"))


def test_the_index_has_no_script_or_style_of_its_own() -> None:
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text) == []
    for name in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert (STATIC / name).is_file()


def test_what_the_shell_and_its_first_view_import_is_fetched_at_once() -> None:
    """Not one after the other, as each module is found in the one before it."""
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    fetched = set(re.findall(r'rel="modulepreload" href="([^"]+)"', text))
    shell = {name for name in imported(STATIC / "app.js") if "/views/" not in name}
    assert {name.removeprefix("./") for name in shell} <= fetched
    first = {name.removeprefix("../") for name in imported(STATIC / "views" / "matrix.js")}
    assert {"views/matrix.js", *first} <= fetched | {"app.js"}
