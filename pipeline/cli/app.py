"""What every command shares: the application, reading a configuration, failing."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipeline.cli.commands import Commands
from pipeline.cli.entry import output_is_closed
from pipeline.diagnostics import ConfigError, printable

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


def load(path: Path) -> Config:
    """A valid configuration; otherwise its problems on stderr and exit 78."""
    from pipeline import config  # noqa: PLC0415 - slow, and `--help` needs none

    try:
        loaded = config.load(path)
    except ConfigError as error:
        refuse(error)
    for problem in loaded.warnings:
        say(str(problem))
    return loaded


def say(text: str) -> None:
    """A line on stderr, of which nothing moves the cursor."""
    typer.echo(printable(text), err=True)


def show(text: str) -> None:
    """A line on stdout, of which nothing moves the cursor."""
    typer.echo(printable(text))


def refuse(error: ConfigError) -> NoReturn:
    """Print every problem and exit 78."""
    for problem in error.problems:
        say(str(problem))
    raise typer.Exit(EX_CONFIG)


def fail(why: str | Exception) -> NoReturn:
    """Say why on stderr and exit 1."""
    if isinstance(why, BrokenPipeError) and output_is_closed():
        raise why
    if isinstance(why, OSError) and why.filename and why.strerror:
        why = f"{why.filename}: {why.strerror}"
    say(f"error: {why}")
    raise typer.Exit(1)
