"""A configuration of flowlogs-pipeline from its command line.

Source: docs/reference/flowlogs-pipeline.md#command-line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.config.flp import settings
from pipeline.diagnostics import Location, refusal
from pipeline.yaml import document, toml
from pipeline.yaml.composer import Node
from pipeline.yaml.document import Document

_NAME = ".flowlogs-pipeline"
_SUFFIXES = (".json", ".toml", ".yaml", ".yml", "")


def default_file(home: Path) -> Path | None:
    """The file that is read when none is named; None where there is none."""
    return next((path for end in _SUFFIXES if (path := home / f"{_NAME}{end}").is_file()), None)


def assembled(file: Path | None, given: Mapping[str, str]) -> Document:
    """The document of a file, in which the texts that are given take the place of its blocks.

    `given`: texts by the names of their options; a dot in a name leads into a block. Raises
    ConfigError when the file or a text cannot be read, or when there is no pipeline.
    """
    whole = _read(file)
    if not isinstance(whole.data, dict):
        raise refusal(whole.place(()), "expected a mapping with pipeline and parameters")
    if "stages" in whole.data:
        hint = f"flowmatrix run {whole.name} runs it"
        raise refusal(whole.place(()), "this is a pipeline file of flowmatrix itself", hint)
    for name, text in given.items():
        block, _, field = name.partition(".")
        _put(whole, block, _given(name, text), field)
    if "pipeline" not in map(str.lower, whole.data):
        raise refusal(
            Location(whole.name),
            "there is no pipeline: give --config, or --pipeline with --parameters",
        )
    return whole


def _read(file: Path | None) -> Document:
    if file is None:
        return document.load("{}", _NAME)
    return toml.read(file) if toml.is_toml(file) else document.load(document.read(file), str(file))


def _given(name: str, text: str) -> Document:
    """What an option says: blocks are JSON, the rest is text."""
    if settings.is_strict(name):
        return document.load(text, f"--{name}")
    return Document(f"--{name}", Node(text, 1, 1), [])


def _put(whole: Document, block: str, given: Document, field: str) -> None:
    """Let what is given take the place of a block, or of a field in it."""
    known = next((key for key in whole.data if key.lower() == block.lower()), block)
    if field:
        before = whole.data.get(known)
        given.data = {**(before if isinstance(before, dict) else {}), field: given.data}
    whole.data.pop(known, None)
    whole.graft(known, given)
