"""What every command shares: the application, reading a configuration, failing."""

from __future__ import annotations

import logging
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipeline.cli.commands import Commands
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
    add_completion=False,
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


class _Formatter(logging.Formatter):
    """A record is one line, of which nothing moves the cursor; a traceback keeps its lines."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        lines = [self.formatMessage(record)]
        if record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        return "\n".join(map(printable, lines))


def main() -> None:
    """Entry point of the command `flowmatrix`."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    app()
