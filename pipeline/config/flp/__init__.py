"""flowlogs-pipeline's own configuration, translated to the native one.

Source: docs/reference/flowlogs-pipeline.md#files. The result is plain stages and
settings that are validated like a native file; nothing is run here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config.flp import graph, settings
from pipeline.config.flp.dialect import Root
from pipeline.config.flp.dynamic import PARAMETERS, Outside, outside
from pipeline.config.flp.reading import Reader
from pipeline.diagnostics import ConfigPath, Problem, refusal, warning
from pipeline.kube.api.kubeconfig import is_kubeconfig
from pipeline.stage import Spec, registry
from pipeline.yaml import document as documents
from pipeline.yaml.document import Document

__all__ = ["Outside", "Translation", "translate"]

_DYNAMIC = "dynamicParameters"


class Translation(NamedTuple):
    """A file of the dialect in native terms.

    `origins` maps path prefixes of the native document to paths of the file; the paths of
    `problems` are paths of the file. A refused stage is replaced by a stage that does nothing.
    `outside` is where more parameters come from.
    """

    stages: list[dict[str, Any]]
    settings: dict[str, Any]
    origins: dict[ConfigPath, ConfigPath]
    problems: list[Problem]
    outside: Outside = Outside()


def translate(
    document: Document, folder: Path = Path(), types: Mapping[str, type[Spec]] | None = None
) -> Translation:
    """The native configuration of a file whose root is a mapping with `pipeline`, `parameters`.

    Relative names of files are under `folder`. `types` are the known native stage types; without
    it, those of the registry. What the file has as texts, and the parameters from outside it,
    become parts of the document. Raises ConfigError when these cannot be read.
    """
    _read_texts(document)
    found = _join_outside(document, folder)
    strict, others = settings.split(document.data)
    reader = Reader()
    root = reader.read(strict, Root)
    unplaced = [*settings.problems(root), *_unfilled(root, found, document)]
    stages: list[dict[str, Any]] = []
    origins: dict[ConfigPath, ConfigPath] = {}
    for part in graph.stages(root, registry() if types is None else types):
        if isinstance(part, Problem):
            unplaced.append(part)
            continue
        for below, origin in part.origins.items():
            origins["stages", len(stages), *below] = reader.written(origin)
        stages.append(_with_cluster(part.document, folder))
    placed = [Problem(reader.written(p.path), p.message, p.hint, p.severity) for p in unplaced]
    problems = [*reader.problems, *settings.rest(others), *placed]
    for below, origin in settings.origins(root).items():
        origins[below] = reader.written(origin)
    origins |= settings.health(others).origins
    return Translation(stages, settings.native(root, others), origins, problems, found)


def _read_texts(document: Document) -> None:
    """Let blocks that are texts, as arguments of a command are, become what they say."""
    for key, value in document.data.items():
        if settings.is_strict(key) and isinstance(value, str) and value:
            place = document.place((key,))
            document.graft(key, documents.load(value, f"{place}: {key}"))


def _join_outside(document: Document, folder: Path) -> Outside:
    """Add the parameters that `dynamicParameters` names to those of the document."""
    written = {key.lower(): key for key in document.data}
    asked = document.data.get(written.get(_DYNAMIC.lower(), ""))
    root = Reader().read({_DYNAMIC: asked}, Root)
    found = outside(root.dynamic_parameters, folder)
    if found.document:
        key = written.get(PARAMETERS, PARAMETERS)
        names = {name.lower(): name for name in found.document.data}
        document.graft(key, found.document, (names[PARAMETERS],))
    return found


def _unfilled(root: Root, found: Outside, document: Document) -> Iterator[Problem]:
    """The stages without parameters. Raises ConfigError when theirs may be what cannot be read."""
    empty = list(graph.unfilled(root))
    if not found.problem:
        yield from empty
        return
    written = next(key for key in document.data if key.lower() == _DYNAMIC.lower())
    message = f"the dynamic parameters cannot be read: {found.problem}"
    if empty:
        raise refusal(document.place((written,)), message)
    yield warning((written,), message)


def _with_cluster(stage: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The stage with `cluster` instead of `inventory` when its configPath is a kubeconfig."""
    path = stage.get("inventory", "")
    if path and is_kubeconfig(folder / path):
        del stage["inventory"]
        stage["cluster"] = {"kubeconfig": path}
    return stage
