"""The list of commands, and how little is imported for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pipeline.cli.app import app
from pipeline.cli.commands import COMMANDS
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow

HEAVY = ["aiokafka", "faust", "kafka", "kubernetes", "polars", "prometheus_client", "pyarrow"]
IMPORTED = f"""
import sys
from pipeline.cli import main
sys.argv = ["flowmatrix", *sys.argv[1:]]
try:
    main()
finally:
    print([name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command(option: str) -> None:
    lines = flowmatrix(option).stdout.splitlines()
    listed = [re.split("  +", line.strip()) for line in lines[lines.index("Commands:") + 1 :]]
    assert listed == [[name, command.summary] for name, command in COMMANDS.items()]


@pytest.mark.slow
@pytest.mark.parametrize("command", [["matrix"], ["policy", "verify"]])
def test_every_command_has_the_options_of_the_log(command: list[str]) -> None:
    """Those of a group too."""
    started = [str(Path(sys.executable).with_name("flowmatrix")), *command, "--help"]
    done = subprocess.run(started, capture_output=True, text=True, check=True)
    assert "--log-level" in done.stdout
    assert "--log-format" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_how_the_help_of_its_command_begins(name: str) -> None:
    usage, _, about = flowmatrix(name, "-h").stdout.partition("\n\n")
    assert usage.startswith(f"Usage: root {name} ")
    assert " ".join(about.split()).startswith(COMMANDS[name].summary.rstrip("."))


def test_an_unknown_command_is_answered_with_what_is_like_it() -> None:
    done = flowmatrix("simulat")
    assert done.exit_code == 2
    assert "No such command 'simulat'. Did you mean 'simulate'?" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["top", "--help"]])
def test_what_needs_no_engine_imports_none(arguments: list[str]) -> None:
    """Neither clients of Kafka and Kubernetes nor the frames of flows."""
    command = [sys.executable, "-c", IMPORTED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["ma"], ["matrix"]),
        (["dead"], ["dead-letters"]),
        (["matrix", "--prom"], ["--prometheus"]),
        (["matrix", "--format", "m"], ["markdown"]),
        (["run", "--o"], ["--once"]),
    ],
)
def test_bash_completes_names_and_options(words: list[str], completed: list[str]) -> None:
    """With the function that --show-completion prints, called as bash does it."""
    script = f"""
        eval "$(_FLOWMATRIX_COMPLETE=source_bash flowmatrix)"
        COMP_WORDS=(flowmatrix {" ".join(words)})
        COMP_CWORD={len(words)}
        _flowmatrix_completion flowmatrix
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == completed, done.stderr


@pytest.mark.parametrize("command", [["policy", "verify", "--format"], ["matrix", "--sort"]])
def test_a_choice_that_does_not_exist_is_answered_with_those_that_do(command: list[str]) -> None:
    """In our words: nobody asked for a "Value error"."""
    done = flowmatrix(*command, "nothing")
    assert done.exit_code == 2
    assert f"Error: Invalid value for '{command[-1]}': 'nothing' is not one of" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["{}"], ["--{}"], ["who", "{}"], ["who", "--{}"], ["flows", "{}"], ["matrix", "--port", "{}"]],
)
def test_nothing_in_an_argument_moves_the_cursor(arguments: list[str]) -> None:
    done = flowmatrix(*(word.format("\x1b]0;x\x07\u202e") for word in arguments))
    assert done.exit_code
    assert done.output.replace("\n", "").isprintable()


def commands(group: Any, *words: str) -> Iterator[tuple[list[str], Any]]:
    """The words of each command, those of groups included, and the command."""
    for name in group.list_commands(None):
        found = group.get_command(None, name)
        if hasattr(found, "list_commands"):
            yield from commands(found, *words, name)
        else:
            yield [*words, *name.split()], found


def test_an_empty_name_of_a_file_is_refused_everywhere() -> None:
    """To pathlib it is the current folder: `--state "$UNSET"` counted there."""
    tried = 0
    for words, command in commands(typer.main.get_command(app)):
        for one in command.params:
            if "pathlib.Path" in str(one.type_descriptor.annotation):
                option = [one.opts[-1]] if one.param_type_name == "option" else []
                done = flowmatrix(*words, *option, "")
                assert done.exit_code == 2, (words, option, done.output)
                assert "the name of a file is empty" in done.stderr, (words, option, done.output)
                tried += 1
    assert tried > 80
