"""A finding about a configuration: collected, never raised one at a time."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum

import msgspec

Path = tuple[str | int, ...]
"""Where in a document: keys and list positions from its root."""


class Severity(StrEnum):
    """An error refuses the configuration, a warning is printed and the run goes on."""

    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True):
    """One finding: where (relative to whoever reports it), what, and the nearest valid name.

    `place` ("file:line:column") is set when it is in a file of its own, a FlowMetric's say.
    """

    path: Path
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    place: str = ""

    def under(self, *prefix: str | int) -> Problem:
        """The same finding, its path seen from further up."""
        return msgspec.structs.replace(self, path=(*prefix, *self.path))


def warning(path: Path, message: str, hint: str = "") -> Problem:
    """A finding that does not refuse the configuration."""
    return Problem(path, message, hint, Severity.WARNING)


def nearest(name: str, valid: Iterable[str]) -> str:
    """`did you mean "x"?`, or nothing when no valid name is near (case is ignored)."""
    folded = {candidate.lower(): candidate for candidate in valid}
    found = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return f'did you mean "{folded[found[0]]}"?' if found else ""
