"""What every command shares: reading a configuration, failing, the log, help."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from pipeline.cli.app import EX_CONFIG, fail, load, say, show
from pipeline.cli.logs import log_from
from tests.support.commands import flowmatrix

PIPELINE = """\
stages:
- {name: in, type: ingest_stdin, decoder: json}
- {name: few, type: filter, follows: in, match: [{field: SrcPrt, type: presence}]}
- {name: out, type: write_stdout, follows: few}
"""


@pytest.fixture
def levels() -> Iterator[None]:
    """Leaves the levels of the log as they were."""
    loggers = [logging.getLogger(), logging.getLogger("pipeline")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def test_warnings_of_a_valid_configuration_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(PIPELINE)
    assert [stage.name for stage in load(path).stages] == ["in", "few", "out"]
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"{path}:3:")
    assert told.err.endswith('did you mean "SrcPort"?\n')


def test_every_problem_of_a_refused_one_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(PIPELINE.replace("decoder", "decodr").replace("follows: few", "follows: fw"))
    with pytest.raises(typer.Exit) as left:
        load(path)
    assert left.value.exit_code == EX_CONFIG == 78
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in lines if ": error: " in line] == ["2", "4"]


@pytest.mark.parametrize(
    ("why", "message"),
    [
        ("no luck", "error: no luck"),
        (ValueError("no luck"), "error: no luck"),
        (FileNotFoundError(2, "No such file or directory", "f.pb"), "error: f.pb: No such file"),
        (OSError("no name"), "error: no name"),
    ],
)
def test_a_failure_says_why(
    why: str | Exception, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a file, its name first, without the number of the error."""
    with pytest.raises(typer.Exit) as left:
        fail(why)
    assert left.value.exit_code == 1
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.usefixtures("levels")
@pytest.mark.parametrize(
    ("level", "own", "others"),
    [("debug", "DEBUG", "WARNING"), ("info", "INFO", "WARNING"), ("error", "ERROR", "ERROR")],
)
def test_libraries_log_warnings_at_least(level: str, own: str, others: str) -> None:
    log_from(level)
    assert logging.getLevelName(logging.getLogger("pipeline").level) == own
    assert logging.getLevelName(logging.getLogger().level) == others


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_that_of_the_package(option: str) -> None:
    done = flowmatrix(option)
    assert (done.exit_code, done.stdout) == (0, f"flowmatrix {version('flowmatrix')}\n")


def test_help_teaches() -> None:
    text = flowmatrix("--help").stdout
    for command in ("run", "validate", "graph", "matrix", "simulate", "schema", "convert"):
        assert command in text
    assert "--dead-letters" in flowmatrix("run", "--help").stdout


def test_without_arguments_the_commands_are_listed() -> None:
    done = flowmatrix()
    assert "validate" in done.output


HOSTILE = "\x1b]0;x\x07\0\r\n\u202e\x9b2J"


def fails() -> None:
    raise ValueError(HOSTILE)


def test_what_is_said_and_shown_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"a {HOSTILE}")
    show(f"b {HOSTILE}")
    out, err = capsys.readouterr()
    assert out == "b \ufffd]0;x\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd2J\n"
    assert err == "a \ufffd]0;x\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd2J\n"
