"""A configuration file -> Config, or every problem it has, each with its place.

Native files are a list of stages and settings; files in the dialect of flowlogs-pipeline are
translated first and then go the same way (docs/reference/flowlogs-pipeline.md#files).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from pipeline.config import flp, inline_secrets, sources
from pipeline.config.dump import dump
from pipeline.config.settings import Settings
from pipeline.diagnostics import (
    ConfigError,
    ConfigPath,
    Diagnostic,
    Key,
    Location,
    Problem,
    Severity,
    nearest,
    refusal,
)
from pipeline.plan import checks, fields
from pipeline.stage import Source, Spec, registry
from pipeline.yaml import document, toml, validate
from pipeline.yaml.document import Document

__all__ = ["Config", "ConfigError", "Diagnostic", "Settings", "dump", "load", "loads"]

Types = Mapping[str, type[Spec]]
"""Stage types by their YAML `type`."""

STAGES = "stages"
_DIALECT = {"pipeline", "parameters"}
_STEM = 40
"""The most characters of a file's name in an identifier."""


@dataclass(frozen=True)
class Config:
    """A configuration without errors. Relative file names in it are under `folder`.

    `pipeline` is an identifier made from the name and the place of its file. `outside` is what was
    read besides that file.
    """

    stages: tuple[Spec, ...]
    settings: Settings
    folder: Path
    warnings: list[Diagnostic]
    locate: Callable[[ConfigPath], Location] = field(repr=False, compare=False)
    pipeline: str = ""
    outside: flp.Outside = field(default=flp.Outside(), repr=False, compare=False)

    @property
    def endless(self) -> list[str]:
        """The sources that go on until they are stopped, by the names of their stages."""
        return [one.name for one in self.stages if isinstance(one, Source) and one.endless]

    def place(self, stage: str, path: ConfigPath = ()) -> Location:
        """Where the file has a stage, or the value at `path` inside it."""
        names = [spec.name for spec in self.stages]
        return self.locate((STAGES, *((names.index(stage), *path) if stage in names else ())))


def load(path: Path, environ: Mapping[str, str] = os.environ, types: Types | None = None) -> Config:
    """The configuration of a file. Raises ConfigError with everything that is wrong with it."""
    if toml.is_toml(path):
        written = toml.read(path)
        if not _is_dialect(written.data):
            raise refusal(written.place(()), "a native pipeline file is YAML or JSON, not TOML")
        return of(written, path.parent, types)
    return loads(document.read(path), str(path), path.parent, environ, types)


def loads(
    text: str,
    name: str,
    folder: Path = Path(),
    environ: Mapping[str, str] = os.environ,
    types: Types | None = None,
) -> Config:
    """The configuration of a text; `name` stands for the file in places. Otherwise as `load`."""
    plain = document.load(text, name)
    written = plain if _is_dialect(plain.data) else document.load(text, name, environ)
    return _Loader(written, plain, folder, types or registry()).config()


def of(written: Document, folder: Path, types: Types | None = None) -> Config:
    """The configuration of a document; relative names are under `folder`. Otherwise as `load`."""
    return _Loader(written, written, folder, types or registry()).config()


def _is_dialect(data: object) -> bool:
    """Whether a file is flowlogs-pipeline's, which knows no `${VARIABLE}`."""
    if not isinstance(data, dict) or STAGES in data:
        return False
    return bool(_DIALECT & {str(key).lower() for key in data})


class _Loader:
    """One reading of one document; collects what it finds.

    `plain` is the document with its variables not replaced.
    """

    def __init__(self, written: Document, plain: Document, folder: Path, types: Types) -> None:
        self._written = written
        self._plain = plain
        self._folder = folder
        self._types = types
        self._found = list(written.problems)
        self._unread = {located.place for located in written.problems}
        self._origins: Mapping[ConfigPath, ConfigPath] = {}
        self._outside = flp.Outside()

    def config(self) -> Config:
        native = self._native()
        stages = native.pop(STAGES)
        specs = [self._spec(stage, index) for index, stage in enumerate(stages)]
        settings = self._settings(native)
        self._graph(stages)
        whole = tuple(spec for spec in specs if spec)
        indices = {spec.name: index for index, spec in enumerate(specs) if spec}
        for duplicate in checks.claims(whole, settings.reserved if settings else ())[1]:
            later, first = duplicate.later, duplicate.first
            place = self._place((STAGES, indices[first.stage], *first.path)) if first.stage else ""
            self._report([duplicate.problem(place)], (STAGES, indices[later.stage]), later.stage)
        for name, problem in sources.problems(whole, settings, self._folder) if settings else ():
            self._report([problem], (STAGES, indices[name]) if name else (), name)
        if settings is None or self._refused():
            raise ConfigError(self._sorted())
        for name, problem in fields.field_warnings(whole):
            self._report([problem], (STAGES, indices[name]), name)
        pipeline = _identifier(Path(self._written.name))
        return Config(
            *(whole, settings, self._folder, self._sorted(), self._place, pipeline),
            outside=self._outside,
        )

    def _native(self) -> dict[str, Any]:
        """Settings and stages as the native dialect has them."""
        data = self._written.data
        if not isinstance(data, dict):
            raise self._refusal((), 'expected a mapping with "stages"')
        if _is_dialect(data):
            translation = flp.translate(self._written, self._folder, self._types)
            self._origins, self._outside = translation.origins, translation.outside
            for problem in translation.problems:
                self._found.append(Diagnostic(self._written.place(problem.path), problem))
            return {**translation.settings, STAGES: translation.stages}
        if STAGES not in data:
            hints = {Key(key): nearest(key, [STAGES]) for key in data}
            at = tuple(key for key, hint in hints.items() if hint)[:1]
            raise self._refusal(at, 'missing "stages"', hints[at[0]] if at else "")
        if not isinstance(data[STAGES], list):
            raise self._refusal((STAGES,), "expected a list of stages")
        return {key: value for key, value in data.items() if not _is_extension(key)}

    def _spec(self, stage: object, index: int) -> Spec | None:
        """The stage when it has no errors of its own."""
        at: ConfigPath = (STAGES, index)
        kind = self._kind(stage)
        if kind is None:
            self._report(self._untyped(stage), at, _name(stage))
            return None
        problems = list(validate.problems(stage, kind))
        self._report(problems, at, _name(stage))
        if problems:
            self._check_rest(stage, kind, at, {str(p.path[0]) for p in problems if p.path})
            return None
        spec = validate.convert(stage, kind)
        self._report(spec.check(self._folder), at, spec.name)
        self._report(
            inline_secrets.problems(
                spec, lambda path: self._place((*at, *path)), self._as_written(index)
            ),
            at,
            spec.name,
        )
        return spec

    def _as_written(self, index: int) -> object:
        """A stage with its variables; None where the file is not native."""
        stages = self._plain.data.get(STAGES) if isinstance(self._plain.data, dict) else None
        return stages[index] if isinstance(stages, list) else None

    def _check_rest(self, stage: Any, kind: type[Spec], at: ConfigPath, bad: set[str]) -> None:
        """What the stage's own check says of its other fields, where they make a stage."""
        rest = {key: value for key, value in stage.items() if key not in bad}
        if not any(validate.problems(rest, kind)):
            spec = validate.convert(rest, kind)
            found = spec.check(self._folder)
            self._report((p for p in found if p.path and str(p.path[0]) not in bad), at, spec.name)

    def _kind(self, stage: object) -> type[Spec] | None:
        named = stage.get("type") if isinstance(stage, dict) else None
        return self._types.get(named) if isinstance(named, str) else None

    def _untyped(self, stage: object) -> Iterator[Problem]:
        if not isinstance(stage, dict):
            yield Problem((), "expected a stage: a mapping with name and type")
        elif "type" not in stage:
            yield Problem((), 'missing field "type"', f"one of {', '.join(sorted(self._types))}")
        else:
            yield validate.unknown(stage["type"], sorted(self._types), ("type",), "stage type")

    def _settings(self, data: dict[str, Any]) -> Settings | None:
        problems = list(validate.problems(data, Settings))
        self._report(problems, ())
        if problems:
            return None
        settings = validate.convert(data, Settings)
        self._report(settings.check(self._folder), ())
        return settings

    def _graph(self, stages: list[Any]) -> None:
        names = [_name(stage) for stage in stages]
        vertices = [self._vertex(stage) for stage in stages]
        for problem in checks.problems(vertices):
            at, inside = problem.path[:1], problem.path[1:]
            name = names[int(at[0])] if at else ""
            self._report([msgspec.structs.replace(problem, path=inside)], (STAGES, *at), name)

    def _vertex(self, stage: Any) -> checks.Vertex:
        """What the graph has to know; less where name or follows are of a wrong type."""
        follows = stage.get("follows", []) if isinstance(stage, dict) else []
        parents = [follows] if isinstance(follows, str) else follows
        if not isinstance(parents, list) or not all(isinstance(name, str) for name in parents):
            return checks.Vertex(_name(stage), [], None)
        return checks.Vertex(_name(stage), follows, self._kind(stage))

    def _report(self, problems: Iterable[Problem], at: ConfigPath, stage: str = "") -> None:
        """Add problems whose paths start at `at`, except where the YAML itself was wrong."""
        for problem in problems:
            place = self._place((*at, *problem.path))
            if place not in self._unread:
                self._found.append(Diagnostic(place, problem, stage))

    def _place(self, path: ConfigPath) -> Location:
        """The place of a path in the native dialect."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._origins:
                return self._written.place((*self._origins[path[:length]], *path[length:]))
        return self._written.place(path)

    def _refusal(self, path: ConfigPath, message: str, hint: str = "") -> ConfigError:
        self._report([Problem(path, message, hint)], ())
        return ConfigError(self._sorted())

    def _refused(self) -> bool:
        return any(located.problem.severity is Severity.ERROR for located in self._found)

    def _sorted(self) -> list[Diagnostic]:
        return sorted(self._found, key=lambda located: located.place)


def _identifier(file: Path) -> str:
    """The name of a file, and a hash of where it is, for it alone on this machine.

    Links are not followed: a file that Kubernetes mounts is a link to another one after each edit.
    """
    where = os.path.normpath(file.absolute())
    place = hashlib.blake2b(os.fsencode(where), digest_size=4).hexdigest()
    return f"{re.sub('[^a-zA-Z0-9._-]+', '-', file.stem)[:_STEM]}-{place}"


def _name(stage: object) -> str:
    name = stage.get("name") if isinstance(stage, dict) else None
    return name if isinstance(name, str) else ""


def _is_extension(key: str) -> bool:
    """Keys for others: `$schema`, and `x-...` as a home for anchors."""
    return key == "$schema" or key.startswith("x-")
