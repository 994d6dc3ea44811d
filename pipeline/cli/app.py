"""What every command shares: the application, reading a configuration, failing."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from pipeline import config
from pipeline.config.loader import Config, ConfigError
from pipeline.diagnostics import printable

EX_CONFIG = 78
"""Exit code of a refused configuration (sysexits.h)."""

app = typer.Typer(
    help="Network flows in, FlowMetric counters for Prometheus and the flow matrix out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)

ConfigFile = Annotated[
    Path, typer.Argument(help="Pipeline file, native or flowlogs-pipeline's.", metavar="CONFIG")
]


def load(path: Path) -> Config:
    """A valid configuration; otherwise its problems on stderr and exit 78."""
    try:
        loaded = config.load(path)
    except ConfigError as error:
        refuse(error)
    for problem in loaded.warnings:
        say(str(problem))
    return loaded


def say(text: str) -> None:
    """A line on stderr; what could move a cursor in it shows as U+FFFD."""
    typer.echo(printable(text), err=True)


def log_from(level: str) -> None:
    """Log what is of this level or above; of libraries, never less than warnings."""
    logging.getLogger("pipeline").setLevel(level.upper())
    logging.getLogger().setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))


def refuse(error: ConfigError) -> NoReturn:
    """Print every problem and exit 78."""
    for problem in error.problems:
        say(str(problem))
    raise typer.Exit(EX_CONFIG)


def fail(why: str | Exception) -> NoReturn:
    """Say why on stderr and exit 1."""
    if isinstance(why, OSError) and why.filename and why.strerror:
        why = f"{why.filename}: {why.strerror}"
    say(f"error: {why}")
    raise typer.Exit(1)


def main() -> None:
    """Entry point of the command `flowmatrix`."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.Formatter.converter = time.gmtime
    app()
