"""Commands, run in this process."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from pipeline.cli.app import app


def flowmatrix(*arguments: object) -> Result:
    """What a command gives: exit code and texts."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])
