"""What the tests of the translation share: a file with a stage `s` that follows a source."""

from __future__ import annotations

from typing import Any

from pipeline.config import flp
from pipeline.diagnostics import Severity
from pipeline.yaml import document

START = """\
pipeline:
- {name: in}
- {name: s, follows: in}
parameters:
- {name: in, ingest: {type: stdin}}
"""


def translated(text: str) -> flp.Translation:
    return flp.translate(document.load(text, "flp.yaml"))


def stages(parameter: str) -> list[dict[str, Any]]:
    """The native stages of a stage `s` that follows the source."""
    translation = translated(f"{START}- {{name: s, {parameter}}}\n")
    assert translation.problems == []
    return translation.stages[1:]


def findings(text: str) -> list[tuple[str, str, str]]:
    """Place, message and hint of each problem; warnings start with `warning: `."""
    written = document.load(text, "f")
    return [
        (
            str(written.place(problem.path))[2:],
            ("warning: " if problem.severity is Severity.WARNING else "") + problem.message,
            problem.hint,
        )
        for problem in flp.translate(written).problems
    ]


def refused(parameter: str) -> list[tuple[str, str]]:
    """What is said of a stage `s` (its line is the sixth), with the hint."""
    return [(m, hint) for _, m, hint in findings(f"{START}- {{name: s, {parameter}}}\n")]
