"""Outputs of a run that are files: they must not be what it reads."""

from __future__ import annotations

from pathlib import Path

from pipeline.app.restart import replayed
from pipeline.config.loader import Config
from pipeline.files import is_file
from pipeline.stage import Source


def require_unread(config: Config, recording: Path | None, *outputs: Path | None) -> None:
    """Raise OSError where an output is a file that a source reads: it would be emptied before.

    `recording` takes the place of every source.
    """
    stages = [replayed(stage, recording) for stage in config.stages]
    sources = [stage for stage in stages if isinstance(stage, Source)]
    read = [file for source in sources for file in source.inputs(config.folder)]
    for output in filter(None, outputs):
        require_other(output, *read)


def require_other(output: Path, *read: Path | None) -> None:
    """Raise OSError where an output is one of the files that are read."""
    if is_file(output) and any(one and is_file(one) and output.samefile(one) for one in read):
        raise OSError(f"{output} is what this run reads: it would be overwritten")
