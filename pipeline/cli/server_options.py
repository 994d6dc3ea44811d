"""How a server is asked: the options of every command that has --server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.api import credentials
from pipeline.api.url import require_url
from pipeline.files import bounded


def _keep(variable: str, value: Path | None) -> None:
    """Where the credentials are looked for: those of a command that is in the environment too."""
    if value:
        os.environ[variable] = str(value)


def keep_token(value: Path | None) -> Path | None:
    """The option --token-file."""
    _keep(credentials.TOKEN_FILE, value)
    return value


def _ca(value: Path | None) -> None:
    _keep(credentials.CA_FILE, _certificates(value))


def _cert(value: Path | None) -> None:
    _keep(credentials.CERT_FILE, _certificates(value))


def urls(value: Sequence[str] | str | None) -> Any:
    """The option --server, of one server or of several. Raises typer.BadParameter."""
    for one in [value] if isinstance(value, str) else value or ():
        try:
            require_url(one)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return value


def _certificates(value: Path | None) -> Path | None:
    """A file that OpenSSL opens by its name, again and again. Raises typer.BadParameter."""
    try:
        return bounded(value) if value else None
    except OSError as error:
        raise typer.BadParameter(f"{error.filename}: {error.strerror}") from None


def _all(
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar=credentials.TOKEN_FILE,
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            callback=keep_token,
            expose_value=False,
            help="The bearer token that --server asks for.",
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            envvar=credentials.CA_FILE,
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            callback=_ca,
            expose_value=False,
            help="Who signed the certificate of --server (PEM).",
        ),
    ] = None,
    cert_file: Annotated[
        Path | None,
        typer.Option(
            envvar=credentials.CERT_FILE,
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            callback=_cert,
            expose_value=False,
            help="The client certificate for --server, with its key (PEM).",
        ),
    ] = None,
) -> None:
    """The options alone: they are added to the commands."""


def parameters() -> list[Any]:
    """The options, as parameters of a command."""
    carrier = typer.Typer(add_completion=False)
    carrier.command()(_all)
    return list(typer.main.get_command(carrier).params)
