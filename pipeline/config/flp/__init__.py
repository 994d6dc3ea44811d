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
from pipeline.config.flp.parts import is_unset
from pipeline.config.flp.reading import Reader
from pipeline.diagnostics import ConfigPath, Problem
from pipeline.kube.api.kubeconfig import is_kubeconfig
from pipeline.stage import Spec, registry
from pipeline.yaml.document import Document

__all__ = ["Translation", "translate"]


class Translation(NamedTuple):
    """A file of the dialect in native terms.

    `origins` maps path prefixes of the native document to paths of the file; the paths of
    `problems` are paths of the file. A refused stage is replaced by a stage that does nothing.
    """

    stages: list[dict[str, Any]]
    settings: dict[str, Any]
    origins: dict[ConfigPath, ConfigPath]
    problems: list[Problem]


def translate(document: Document, types: Mapping[str, type[Spec]] | None = None) -> Translation:
    """The native configuration of a file whose root is a mapping with `pipeline`, `parameters`.

    `types` are the known native stage types; without it, those of the registry.
    """
    strict, others = settings.split(document.data)
    reader = Reader()
    root = reader.read(strict, Root)
    unplaced = [*settings.problems(root), *_dynamic(root)]
    stages: list[dict[str, Any]] = []
    origins: dict[ConfigPath, ConfigPath] = {}
    for part in graph.stages(root, registry() if types is None else types):
        if isinstance(part, Problem):
            unplaced.append(part)
            continue
        for below, origin in part.origins.items():
            origins["stages", len(stages), *below] = reader.written(origin)
        stages.append(_with_cluster(part.document, Path(document.name).parent))
    placed = [Problem(reader.written(p.path), p.message, p.hint, p.severity) for p in unplaced]
    problems = [*reader.problems, *settings.rest(others), *placed]
    for below, origin in settings.origins(root).items():
        origins[below] = reader.written(origin)
    return Translation(stages, settings.native(root, others), origins, problems)


def _with_cluster(stage: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The stage with `cluster` instead of `inventory` when its configPath is a kubeconfig."""
    path = stage.get("inventory", "")
    if path and is_kubeconfig(folder / path):
        del stage["inventory"]
        stage["cluster"] = {"kubeconfig": path}
    return stage


def _dynamic(root: Root) -> Iterator[Problem]:
    if not is_unset(root.dynamic_parameters):
        yield Problem(("dynamicParameters",), "dynamicParameters is not supported yet")
