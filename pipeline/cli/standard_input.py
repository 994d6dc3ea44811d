"""What comes through a pipe, as a file: it can be looked into, and read again."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from pipeline.cli.app import fail
from pipeline.files import naming

NAME = "standard-input"


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """The path, or a copy of all that comes through it where it is a pipe or `-`.

    The copy is gone at the end. Raises OSError.
    """
    if str(path) != "-" and not path.is_fifo():
        yield path
        return
    with TemporaryDirectory(prefix="flowmatrix-") as folder:
        copy = Path(folder) / NAME
        with naming(copy), copy.open("wb") as out:
            if str(path) == "-":
                shutil.copyfileobj(sys.stdin.buffer, out)
            else:
                with path.open("rb") as pipe:
                    shutil.copyfileobj(pipe, out)
        yield copy


def piped(context: typer.Context, path: Path | None) -> Path | None:
    """The callback of a parameter that names a file: a pipe becomes a file while the command runs.

    A command that cannot read it ends, and says why.
    """
    try:
        return path and context.with_resource(as_file(path))
    except OSError as error:
        fail(error)
