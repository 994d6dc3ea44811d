"""--log-format and --log-level, which every command has."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from pipeline.cli import logs
from pipeline.cli.logs import LogFormat, LogLevel


def _keep(variable: str, value: str | None) -> None:
    if value:
        os.environ[variable] = value
        logs.start()


def _format(value: LogFormat | None) -> None:
    _keep(logs.FORMAT, value)


def _level(value: LogLevel | None) -> None:
    _keep(logs.LEVEL, value)


def _both(
    log_format: Annotated[
        LogFormat | None,
        typer.Option(
            envvar=logs.FORMAT,
            callback=_format,
            is_eager=True,
            expose_value=False,
            help="How a line of the log looks; text if not given.",
        ),
    ] = None,
    log_level: Annotated[
        LogLevel | None,
        typer.Option(
            envvar=logs.LEVEL,
            callback=_level,
            is_eager=True,
            expose_value=False,
            help="The least level logged, whatever the pipeline file says.",
        ),
    ] = None,
) -> None:
    """The options alone: they are added to the commands."""


def parameters() -> list[Any]:
    """The options, as parameters of a command."""
    carrier = typer.Typer(add_completion=False)
    carrier.command()(_both)
    return list(typer.main.get_command(carrier).params)
