"""The two lists of flowlogs-pipeline as one list of native stages.

Source: docs/reference/flowlogs-pipeline.md#graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.config.flp import (
    ends,
    extract,
    filters,
    grpc,
    ipfix,
    loki,
    metrics,
    network,
    push,
)
from pipeline.config.flp.dialect import Parameter, Root
from pipeline.config.flp.parts import Native, Parts, is_unset, unknown
from pipeline.diagnostics import ConfigPath, Problem, nearest, warning
from pipeline.stage import Spec


class Placed(NamedTuple):
    """A native stage as a document, and where its parts come from (dialect paths)."""

    document: dict[str, Any]
    origins: dict[ConfigPath, ConfigPath]


_Translator = Callable[[Any, ConfigPath], Parts]


_STDIN = Native("ingest_stdin", {"decoder": "json"})
_PRESET = "preset-ingester"
_PASS = Native("pass_through")
_DISCARD = Native("discard")
_STAGES: dict[str, dict[str, _Translator | Native | None]] = {
    "ingest": {
        "file": ends.file,
        "file_loop": ends.file_loop,
        "file_chunks": ends.file,
        "stdin": _STDIN,
        "kafka": ends.kafka,
        "grpc": grpc.ingest,
        "ipfix": ipfix.ingest,
        "collector": ipfix.ingest,
        "synthetic": ends.synthetic,
    },
    "transform": {
        "generic": network.generic,
        "filter": filters.filter_rules,
        "network": network.network,
        "none": _PASS,
    },
    "extract": {
        "aggregates": extract.aggregates,
        "conntrack": extract.conntrack,
        "timebased": extract.timebased,
        "none": _PASS,
    },
    "encode": {
        "prom": metrics.prom,
        "kafka": ends.encode_kafka,
        "s3": push.s3,
        "otlplogs": push.otlplogs,
        "otlpmetrics": push.otlpmetrics,
        "otlptraces": push.otlptraces,
        "none": _DISCARD,
    },
    "write": {
        "stdout": ends.stdout,
        "loki": loki.loki,
        "ipfix": ipfix.write,
        "grpc": grpc.write,
        "none": _DISCARD,
    },
}
"""Every stage type of the original; None when it is not supported here."""

_STAND_IN = {
    "ingest": _STDIN,
    "transform": _PASS,
    "extract": _PASS,
    "encode": _DISCARD,
    "write": _DISCARD,
}
"""Replaces a refused stage, so that its neighbours are not reported as well."""


def stages(root: Root, types: Mapping[str, type[Spec]]) -> Iterator[Placed | Problem]:
    """The native stages of every parameter; paths of problems and origins are dialect paths."""
    edges = _Edges(root)
    yield from edges.repeated
    yield from _preset(root)
    for index, parameter in enumerate(root.parameters):
        parts: list[Native] = []
        for part in _parts(parameter, ("parameters", index), types):
            if isinstance(part, Problem):
                yield part
            else:
                parts.append(part)
        if edges.followed(parameter.name) and any(part.name for part in parts):
            parts.append(_STAND_IN["encode"])
        yield from _placed(parameter.name, parts, edges, ("parameters", index))


def _preset(root: Root) -> Iterator[Placed | Problem]:
    """The source of a pipeline that is written to run inside an agent, which has the flows."""
    followed = [index for index, entry in enumerate(root.pipeline) if entry.follows == _PRESET]
    if not followed or any(parameter.name == _PRESET for parameter in root.parameters):
        return
    at: ConfigPath = ("pipeline", followed[0], "follows")
    yield warning(
        at,
        f'"{_PRESET}" is the agent that a pipeline runs in: flows are read from standard input',
        "parameters of this name give another source",
    )
    yield Placed({"name": _PRESET, "type": _STDIN.type, **_STDIN.fields}, {(): at})


def unfilled(root: Root) -> Iterator[Problem]:
    """The stages that have no parameters."""
    names = {parameter.name for parameter in root.parameters}
    for index, entry in enumerate(root.pipeline):
        if entry.name not in names:
            message = f'no parameters for stage "{entry.name}"'
            yield Problem(("pipeline", index, "name"), message, nearest(entry.name, names))


class _Edges:
    """The edges between stages, with the entry of `pipeline` that declares each."""

    def __init__(self, root: Root) -> None:
        self._parents: dict[str, dict[str, ConfigPath]] = {}
        self.repeated: list[Problem] = []
        """Warnings about edges that are given again, which would count each flow twice."""
        for index, entry in enumerate(root.pipeline):
            at: ConfigPath = ("pipeline", index)
            if entry.follows:
                parents = self._parents.setdefault(entry.name, {})
                if entry.follows in parents:
                    message = f'"{entry.name}" already follows "{entry.follows}"'
                    self.repeated.append(warning((*at, "follows"), message))
                parents.setdefault(entry.follows, (*at, "follows"))

    def followed(self, name: str) -> bool:
        """Whether any stage follows this one."""
        return any(name in parents for parents in self._parents.values())

    def parents(self, name: str) -> dict[str, ConfigPath]:
        """The parents of a stage, and the path of the edge in the configuration."""
        return self._parents.get(name, {})


def _parts(parameter: Parameter, at: ConfigPath, types: Mapping[str, type[Spec]]) -> Parts:
    """The native stages of one parameter; each refused one becomes a stand-in."""
    blocks = {kind: getattr(parameter, kind) for kind in _STAGES}
    given = [kind for kind, block in blocks.items() if block is not None]
    kinds = [kind for kind in given if not is_unset(blocks[kind])] or given
    if len(kinds) != 1:
        yield Problem(at, f'stage "{parameter.name}" needs one of {", ".join(_STAGES)}')
        return
    kind = kinds[0]
    block = blocks[kind]
    at = (*at, kind)
    if not block.type:
        yield Problem(at, f'stage "{parameter.name}" has no {kind} type')
        yield _STAND_IN[kind]
        return
    if block.type not in _STAGES[kind]:
        yield unknown(f"{kind} type", block.type, list(_STAGES[kind]), (*at, "type"))
        yield _STAND_IN[kind]
        return
    known = _STAGES[kind][block.type]
    parts = list(known(block, at)) if callable(known) else [known or Native("")]
    natives = [part for part in parts if isinstance(part, Native)]
    yield from (part for part in parts if isinstance(part, Problem))
    if any(native.type not in types for native in natives):
        message = f'stage "{parameter.name}": {kind}.{block.type} is not supported yet'
        yield Problem((*at, "type"), message)
        natives = []
    yield from natives or [_STAND_IN[kind]]


def _placed(stage: str, parts: list[Native], edges: _Edges, at: ConfigPath) -> Iterator[Placed]:
    """The native stages under their names, the last of a line under the stage's own."""
    incoming = edges.parents(stage)
    previous = ""
    for name, part in zip(_names(stage, parts), parts, strict=True):
        before = stage + part.follows if part.follows else previous
        follows: str | list[str] = before or list(incoming)
        if len(incoming) == 1 and not before:
            follows = next(iter(incoming))
        document = {"name": name, "type": part.type, **part.fields}
        origins: dict[ConfigPath, ConfigPath] = {(): at, ("name",): (*at, "name"), **part.origins}
        if follows:
            document["follows"] = follows
        if incoming and not before:
            origins["follows",] = next(iter(incoming.values()))
            origins |= {("follows", i): path for i, path in enumerate(incoming.values())}
        yield Placed(document, origins)
        previous = "" if part.name else name


def _names(stage: str, parts: list[Native]) -> list[str]:
    """`<stage>/<type>` (numbered where a type comes again); the last one is `<stage>`."""
    plain = [stage + (part.name or f"/{part.type}") for part in parts]
    before = [plain[:index].count(name) for index, name in enumerate(plain)]
    names = [f"{name}-{n + 1}" if n else name for name, n in zip(plain, before, strict=True)]
    if parts and not parts[-1].name:
        names[-1] = stage
    return names
