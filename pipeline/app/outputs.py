"""Outputs of a run that are files: each is one of its own, and not what the run reads."""

from __future__ import annotations

from pathlib import Path

from pipeline.app.restart import replayed
from pipeline.config.loader import Config
from pipeline.files import behind_links, entries, exists, is_file, named, same
from pipeline.kube.api.access import Access


def require_unread(
    config: Config, recording: Path | None, *outputs: Path | None, state: Path | None = None
) -> None:
    """Raise OSError where an output is a file that a pipeline reads: it would be emptied before.

    So it does of one that is another output, and of one in `state`, the folder where counts are
    kept. `recording` takes the place of every source.
    """
    there = [output for output in outputs if output and is_file(output)]
    read = [*inputs(config, recording), *(entries(state) if state else ())] if there else []
    for output in there:
        require_other(output, *read)
    for number, each in enumerate(outputs):
        require_apart(each, *outputs[:number])
        place = behind_links(each) if each else None
        if state and place and (same(place, state) or same(place.parent, state)):
            raise OSError(f"{each}: {state} is where this run keeps its counts")


def letters_file(config: Config, given: Path | None) -> Path | None:
    """The file of dead letters: the one that is given, or that of the configuration."""
    configured = config.settings.dead_letters.file
    return given or (Path(configured) if configured else None)


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


def require_apart(output: Path | None, *others: Path | None) -> None:
    """Raise OSError where an output is another one. Pipes and devices may take several."""
    if output is None or (exists(output) and not is_file(output)):
        return
    if any(other and same(output, other) for other in others):
        raise OSError(f"{output} is what this run writes, too: it would be overwritten")
