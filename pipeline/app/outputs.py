"""Outputs of a run that are files: they must not be what it reads."""

from __future__ import annotations

from pathlib import Path

from pipeline.app.restart import replayed
from pipeline.config.loader import Config
from pipeline.files import entries, is_file, named
from pipeline.kube.api.access import Access


def require_unread(
    config: Config, recording: Path | None, *outputs: Path | None, state: Path | None = None
) -> None:
    """Raise OSError where an output is a file that a pipeline reads: it would be emptied before.

    `recording` takes the place of every source, `state` is the folder where counts are kept.
    """
    there = [output for output in outputs if output and is_file(output)]
    read = [*inputs(config, recording), *(entries(state) if state else ())] if there else []
    for output in there:
        require_other(output, *read)


def inputs(config: Config, recording: Path | None = None) -> list[Path]:
    """The files that a pipeline reads: its own, and those that it names; some may not be there."""
    folder = config.folder
    found = [Path(config.locate(()).file), *config.outside.files]
    for stage in (replayed(stage, recording) for stage in config.stages):
        found += stage.inputs(folder)
        if isinstance(access := getattr(stage, "cluster", None), Access):
            found += access.files(folder)
    for server in (config.settings.server, *config.settings.metric_servers):
        found += named(server, folder)
    return found


def require_other(output: Path, *read: Path | None) -> None:
    """Raise OSError where an output is one of the files that are read."""
    if is_file(output) and any(one and is_file(one) and output.samefile(one) for one in read):
        raise OSError(f"{output} is what this run reads: it would be overwritten")
