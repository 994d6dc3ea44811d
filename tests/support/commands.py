"""Commands, run in this process."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner, Result

from pipeline.cli.app import app


def flowmatrix(*arguments: object) -> Result:
    """What a command gives: exit code and texts."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def document(*arguments: object) -> dict[str, Any]:
    """The JSON document that `matrix` prints."""
    done = flowmatrix("matrix", *arguments, "--format", "json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
