"""What every command shares: the application, reading a configuration, failing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from errno import EPIPE
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from pipeline.cli.commands import Commands
from pipeline.cli.entry import output_is_closed
from pipeline.diagnostics import (
    Code,
    ConfigError,
    Diagnostic,
    Location,
    Severity,
    printable,
    without_login,
)

if TYPE_CHECKING:
    from pipeline.config.loader import Config

EX_CONFIG = 78
"""Exit code of a refused configuration (sysexits.h)."""

app = typer.Typer(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Network flows in, FlowMetric counters for Prometheus and the flow matrix out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ConfigFile = Annotated[
    Path, typer.Argument(help="Pipeline file, native or flowlogs-pipeline's.", metavar="CONFIG")
]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"flowmatrix {version('flowmatrix')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """The options before the name of a command."""


def load(path: Path, tell: Callable[[Diagnostic], None] | None = None) -> Config:
    """A valid configuration; otherwise its errors on stderr and exit 78.

    `tell` is told each warning. Without it they are printed, except those about cardinality, which
    `validate` shows, and except in the workers that another process has started and warned.
    """
    from pipeline import config  # noqa: PLC0415 - slow, and `--help` needs none

    return accepted(lambda: config.load(path), tell)


def accepted(
    read: Callable[[], Config], tell: Callable[[Diagnostic], None] | None = None
) -> Config:
    """What `read` reads, which may raise ConfigError; otherwise as `load`."""
    tell = tell or _warn
    try:
        loaded = read()
    except ConfigError as error:
        for problem in _of(error, Severity.WARNING):
            tell(problem)
        refuse(error)
    for problem in loaded.warnings:
        tell(problem)
    return loaded


def _warn(found: Diagnostic) -> None:
    if found.problem.code is not Code.CARDINALITY and "FLOWMATRIX_WORKER" not in os.environ:
        say(str(found))


def _of(error: ConfigError, severity: Severity) -> list[Diagnostic]:
    return [found for found in error.problems if found.problem.severity is severity]


def require_end(loaded: Config, recording: Path | None = None) -> None:
    """Exit 2 when the input has no end, for a command that only reads.

    A command that read a topic would join the group of the pipeline, and take partitions from its
    workers. A `recording` takes the place of every source, and has an end.
    """
    if loaded.endless and recording is None:
        raise typer.BadParameter(
            f'the input of stage "{loaded.endless[0]}" has no end, and a command that reads takes '
            "no part in it: ask the workers that count them (--server URL for each, such as "
            f"{loaded.settings.server.url}), or give a recording (--input FILE)"
        )


def say(text: str) -> None:
    """A line on stderr, of which nothing moves the cursor, and without logins in addresses."""
    typer.echo(printable(without_login(text)), err=True)


def show(text: str) -> None:
    """A line on stdout, of which nothing moves the cursor."""
    typer.echo(printable(text))


def refuse_argument(name: str, problems: Iterable[Diagnostic]) -> NoReturn:
    """Print every error of the files of an argument, which are not in a list, and exit 78.

    Where a pattern names no file, `name` stands for the place in the list.
    """
    refuse(ConfigError(_of_argument(name, one) for one in problems))


def _of_argument(name: str, found: Diagnostic) -> Diagnostic:
    if found.place.line or not isinstance(next(iter(found.problem.path), None), int):
        return found
    return Diagnostic(Location(name), msgspec.structs.replace(found.problem, path=()))


def refuse(error: ConfigError) -> NoReturn:
    """Print every error and exit 78. Warnings come before: nothing stands behind an error."""
    for problem in _of(error, Severity.ERROR):
        say(str(problem))
    raise typer.Exit(EX_CONFIG)


def fail(why: str | Exception) -> NoReturn:
    """Say why on stderr and exit 1."""
    if isinstance(why, OSError) and why.errno == EPIPE and output_is_closed():
        raise why
    if isinstance(why, OSError) and why.filename and why.strerror:
        why = f"{why.filename}: {why.strerror}"
    say(f"error: {why}")
    raise typer.Exit(1)
