"""Any configuration of flowlogs-pipeline, its ends changed so that two programs can be compared.

One stage reads the flows; where records leave for elsewhere (Kafka, Loki), they are printed.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_PRESET = "preset-ingester"
_PRINTED = {"write": {"type": "stdout", "stdout": {"format": "json"}}}
_KEPT = {"prom", "none"}


@dataclass(frozen=True)
class Pipeline:
    """Entries and parameters as plain data; `source` is the stage that reads the flows."""

    entries: list[dict[str, Any]]
    parameters: list[dict[str, Any]]
    source: str

    @property
    def batched(self) -> bool:
        """Whether a stage collects flows and reports by time."""
        return any(one.get("extract", {}).get("type", "none") != "none" for one in self.parameters)

    @property
    def ordered(self) -> bool:
        """Whether records have one order: a single stage prints them, none has them from several
        stages, and none collects flows."""
        printing = sum(one.get("write", {}).get("type") == "stdout" for one in self.parameters)
        following = [entry["name"] for entry in self.entries if entry.get("follows")]
        return printing < 2 and len(set(following)) == len(following) and not self.batched

    def texts(self, source: Mapping[str, Any]) -> dict[str, str]:
        """The values of --pipeline and --parameters, the flows read by this ingester."""
        own = [
            {**one, "ingest": source} if one["name"] == self.source else one
            for one in self.parameters
        ]
        return {"pipeline": json.dumps(self.entries), "parameters": json.dumps(own)}


def read(path: Path) -> Pipeline:
    """The pipeline of a file, which may have blocks as texts. Raises ValueError without one."""
    data = yaml.safe_load(path.read_text())
    blocks = {str(key).lower(): value for key, value in data.items()}
    read_ = {name: _plain(blocks.get(name)) for name in ("pipeline", "parameters")}
    return prepared(read_["pipeline"], read_["parameters"])


def _plain(block: object) -> list[dict[str, Any]]:
    given = yaml.safe_load(block) if isinstance(block, str) else block
    if not isinstance(given, list):
        raise ValueError("the file has no pipeline and parameters of flowlogs-pipeline")  # noqa: TRY004 - of a file
    return given


def prepared(entries: list[dict[str, Any]], parameters: list[dict[str, Any]]) -> Pipeline:
    """The pipeline with its ends changed. Raises ValueError when it has not one source."""
    own = [_printing(copy.deepcopy(one)) for one in parameters]
    sources = [one["name"] for one in own if "ingest" in one]
    if not sources and any(entry.get("follows") == _PRESET for entry in entries):
        own.append({"name": _PRESET, "ingest": {"type": "stdin"}})
        sources = [_PRESET]
    if len(sources) != 1:
        raise ValueError(f"the pipeline has {len(sources)} sources: one is needed")
    return Pipeline(entries, own, sources[0])


def _printing(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter that neither leaves this machine nor has a server of its own."""
    kind = next((kind for kind in ("encode", "write") if kind in parameter), "")
    block = parameter.get(kind, {})
    if kind == "encode" and block.get("type") == "prom":
        for name in ("address", "port", "tls"):
            block.get("prom", {}).pop(name, None)
    if kind and block.get("type") not in _KEPT | {"stdout"}:
        return {"name": parameter["name"], **_PRINTED}
    return parameter
