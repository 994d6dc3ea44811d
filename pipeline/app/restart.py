"""What a recording replaces, and what takes a restart to change: sources, sinks, settings."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pipeline.config.loader import Config
from pipeline.diagnostics import ConfigError, Diagnostic, Problem
from pipeline.stage import Source, Spec, Writer


def replayed(stage: Spec, recording: Path | None) -> Spec:
    """A source with its messages taken from a recording instead, any other stage as it is."""
    if recording is None or not isinstance(stage, Source):
        return stage
    return stage.replay(recording)


def check_same(old: Config, new: Config, recording: Path | None) -> None:
    """Raise ConfigError when the new configuration takes a restart; it names the first difference.

    Sources, the topics, folders and servers of writers, and all settings but the limits take a
    restart.
    """
    settings = msgspec.structs.replace(new.settings, limits=old.settings.limits)
    for name in settings.__struct_fields__:
        if getattr(settings, name) != getattr(old.settings, name):
            message = f'"{name}" has changed, which takes a restart'
            raise ConfigError([Diagnostic(new.locate((name,)), Problem((name,), message))])
    before, after = _ends(old, recording), _ends(new, recording)
    for name in dict.fromkeys([*after, *before]):
        if before.get(name) != after.get(name):
            problem = Problem((), "where flows come from or go to takes a restart to change")
            raise ConfigError([Diagnostic(new.place(name), problem, name)])


def _ends(config: Config, recording: Path | None) -> dict[str, object]:
    """The sources, and where writers write to, by the names of their stages."""
    sources = [replayed(s, recording) for s in config.stages if isinstance(s, Source)]
    writers = [s for s in config.stages if isinstance(s, Writer)]
    ends: dict[str, object] = {source.name: source for source in sources}
    folder = config.folder
    ends |= {
        w.name: w.publication(folder) or w.storage(folder) or w.destination(folder) for w in writers
    }
    return {name: end for name, end in ends.items() if end is not None}
