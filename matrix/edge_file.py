"""A file of edges, as `matrix --format jsonl` prints them, given back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import polars as pl
from msgspec import Meta

from matrix.edges import EDGES, LISTS, NUMBERS, Evidence, Port, Protocol, State
from pipeline.diagnostics import ConfigError, Diagnostic, Location, Problem
from pipeline.files import content
from pipeline.yaml import document, validate

_MOST = 1 << 30
"""Bytes of a file of edges."""
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Time = Annotated[float, Meta(ge=0, le=datetime.max.replace(tzinfo=UTC).timestamp())]
_TYPES: dict[str, Any] = {
    **dict.fromkeys(EDGES, str),
    **dict.fromkeys(LISTS, list[str]),
    **dict.fromkeys((*NUMBERS, "sampling"), _Count),
    **dict.fromkeys(("first_seen", "last_seen"), _Time | None),
    "protocol": Protocol,
    "port": Port | None,
    "evidence": Evidence,
    "state": State,
}
_Row: Any = msgspec.defstruct("Edge", list(_TYPES.items()), forbid_unknown_fields=True)


def load(path: Path) -> pl.DataFrame:
    """The edges (`edges.EDGES`) of a file, one a line.

    Raises OSError, and ConfigError with all that is wrong with the first line that is not an edge.
    """
    data = content(path, _MOST)
    decoder = msgspec.json.Decoder(_Row)
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise ConfigError(_problems(line, Location(str(path), number), error)) from None
    return pl.read_ndjson(data, schema=EDGES)


def _problems(line: bytes, at: Location, error: Exception) -> Iterator[Diagnostic]:
    """What keeps a line from being an edge, or else what the decoder says of it."""
    try:
        written = document.load(line.decode(), at.file)
    except (UnicodeDecodeError, ConfigError):
        yield Diagnostic(at._replace(column=1), Problem((), f"the line is not JSON: {error}"))
        return
    found = [*validate.problems(written.data, _Row)]
    for problem in found or [Problem((), f"the line is not an edge: {error}")]:
        place = written.place(problem.path)
        yield Diagnostic(place._replace(line=at.line), problem)
