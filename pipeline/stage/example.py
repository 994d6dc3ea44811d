"""What a stage does, shown: docs/stages.md prints it, and a test runs it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from inspect import cleandoc
from types import MappingProxyType

_NO_FILES: Mapping[str, str] = MappingProxyType({})


class Example:
    """A small run of a stage, as texts to read. Margins of the texts are taken off.

    `config` is the YAML of the stage; those behind it that it needs follow in the list. The first
    one follows `flows`. `flows` come in as JSON lines. `output` is what comes out: flows as JSON
    lines (without TimeReceived), records a line each, or the metrics as they are exposed, without
    their comments; facts likewise, as far as they are not 0. `files` are those that `config` names,
    by name; `binaries` likewise, in base64, for files that are not texts.
    """

    def __init__(
        self,
        config: str,
        flows: str,
        output: str,
        *,
        files: Mapping[str, str] = _NO_FILES,
        binaries: Mapping[str, str] = _NO_FILES,
    ) -> None:
        self.config = cleandoc(config)
        self.flows = cleandoc(flows)
        self.output = cleandoc(output)
        self.files = {name: cleandoc(text) + "\n" for name, text in files.items()}
        self.binaries = {name: b64decode(text) for name, text in binaries.items()}
