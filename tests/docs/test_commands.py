"""Commands that the pages show: each subcommand, option and make target exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from pipeline.cli.app import app
from pipeline.cli.commands import COMMANDS
from tests.docs.markdown import ROOT, pages, written

COMMAND = re.compile(r"\bflowmatrix ([a-z][a-z-]+)\b([^`|;#\n]*)")
OPTION = re.compile(r"(?<=\s)--?[a-z][a-z-]*")
MAKE = re.compile(r"(?:^|`|\$ )(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]+)", re.MULTILINE)
CODE = re.compile(r"```(?:sh|console)\n(.*?)```|`([^`\n]+)`", re.DOTALL)
WRITTEN = [page.relative_to(ROOT).as_posix() for page in pages() if written(page)]
GROUP: Any = typer.main.get_command(app)  # its stubs know no commands
SECOND = {name.split()[1] for name in COMMANDS if " " in name}
CONTEXT = typer.Context(GROUP)


def code(page: str) -> str:
    """What a page shows as code, a command a line."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    return "\n".join(block or span for block, span in CODE.findall(text))


def named(name: str, rest: str) -> Any:
    """The command of a line; the names of some have two words, and groups have subcommands."""
    second = next(iter(rest.split()), "")
    whole = GROUP.get_command(CONTEXT, f"{name} {second}") if second in SECOND else None
    command = whole or GROUP.get_command(CONTEXT, name)
    return getattr(command, "commands", {}).get(second, command)


def unknown(shown: str) -> Iterator[str]:
    """The subcommands and options that flowmatrix does not have."""
    for line in shown.splitlines():
        for name, rest in COMMAND.findall(line):
            command = named(name, rest)
            if command is None:
                yield f"flowmatrix {name}"
                continue
            known = {flag for parameter in command.params for flag in parameter.opts} | {"--help"}
            options = OPTION.findall(rest)
            yield from (f"flowmatrix {name} {each}" for each in options if each not in known)


@pytest.mark.parametrize("page", WRITTEN)
def test_every_command_of_a_page_exists(page: str) -> None:
    assert list(unknown(code(page))) == []


@pytest.mark.parametrize("page", WRITTEN)
def test_every_make_target_of_a_page_exists(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(MAKE.findall(code(page))) - targets == set()


def test_what_is_unknown_is_found() -> None:
    shown = (
        "flowmatrix run x.yaml --once --twice\nflowmatrix fly\nflowmatrix matrix -n a --state d\n"
    )
    shown += "flowmatrix matrix approve --base b\nflowmatrix matrix --base b"
    assert list(unknown(shown)) == [
        *("flowmatrix run --twice", "flowmatrix fly", "flowmatrix matrix --base")
    ]


def test_commands_are_found_where_they_stand() -> None:
    """Enough of them that the tests above say something."""
    shown = "\n".join(map(code, WRITTEN))
    assert len(COMMAND.findall(shown)) > 20
    assert len(MAKE.findall(shown)) > 10
