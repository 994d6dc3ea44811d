"""A verification as text for a terminal, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec
import polars as pl

from matrix.cells import bytes_text, clean, time_text
from matrix.edge_screen import drawn
from pipeline.cli.screen import Column
from policy.judge.verdicts import Verdict
from policy.verify.difference import Difference
from policy.verify.verification import Coverage, Verification

_EDGE = ("client", "server", "protocol", "port", "flows", "bytes", "last_seen")
_TITLES = {"last_seen": "last seen", "network_events": "network events"}
_SHOWN = 50
"""Rows of a table for a terminal; JSON has them all."""


class Format(StrEnum):
    """How a verification is printed."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


def text(found: Verification, width: int = 0) -> str:
    """Coverage, then a table for each thing that a reader should look at."""
    parts = [f"{line}\n" for line in _summary(found)]
    for title, rows in _tables(found):
        if rows.height:
            parts.append("\n" + _table(title, rows, width))
    return "".join(parts)


def json(found: Verification) -> str:
    """One object: `coverage` by verdict, and each table as a list of objects."""
    verdicts = [one for one in Verdict if one is not Verdict.OPEN]
    document = {
        "coverage": {
            "seen": found.coverage()._asdict(),
            **{one.value: found.coverage(one)._asdict() for one in verdicts},
        },
        "edges": found.edges.to_dicts(),
        "rules": found.rules.to_dicts(),
        "never_seen": found.unused.to_dicts(),
        "not_selected": found.unselected.to_dicts(),
        "disagreements": found.disagreements().to_dicts(),
    }
    return _encoded(document)


def difference_text(found: Difference) -> str:
    """A table for each kind of change."""
    edges = found.edges.select(
        *("client", "server", "protocol", "port", "flows", "before", "after"),
        by=pl.col("by").list.join(", "),
    )
    permissions = found.permissions.with_columns(pl.col("policies").list.join(", "))
    tables = [
        ("Verdicts that change", edges),
        ("Workloads that become isolated or open", found.isolation),
        ("Permissions that are added or gone", permissions),
    ]
    return "\n".join(_table(*one) for one in tables if one[1].height) or "nothing changes\n"


def difference_json(found: Difference) -> str:
    """One object with `edges`, `isolation` and `permissions`."""
    return _encoded({name: frame.to_dicts() for name, frame in found._asdict().items()})


def _table(title: str, rows: pl.DataFrame, width: int = 0) -> str:
    shown = rows.head(_SHOWN)
    columns = [Column(_TITLES.get(name, name), text=True) for name in rows.columns]
    cells = [
        [_cell(name, value) for name, value in row.items()] for row in shown.iter_rows(named=True)
    ]
    more = rows.height - shown.height
    note = f"note: {more} more, in JSON\n" if more else ""
    return drawn(columns, cells, width, title=f"{title} ({rows.height})") + note


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column == "last_seen":
        return time_text(value)
    if column == "bytes":
        return bytes_text(value)
    return clean(value)


def _encoded(document: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def _summary(found: Verification) -> Iterator[str]:
    seen, covered = found.coverage(), found.coverage(Verdict.ALLOWED)
    yield f"allowed: {_of(covered, seen)}"
    for verdict in (Verdict.DENIED, Verdict.DIFFERS, Verdict.UNDECIDED, Verdict.UNKNOWN):
        some = found.coverage(verdict)
        if some.edges:
            yield f"{_WORDS[verdict]}: {_of(some, seen)}"
    said = found.edges.filter(pl.col("network_events") != "").height
    if said:
        other = found.disagreements().height
        yield f"network events: {said - other} of {said} edges agree with these policies"


_WORDS = {
    Verdict.DENIED: "denied",
    Verdict.DIFFERS: "denied for some pods",
    Verdict.UNDECIDED: "not decided by policy",
    Verdict.UNKNOWN: "not known",
}


def _of(some: Coverage, whole: Coverage) -> str:
    return (
        f"{some.edges} of {whole.edges} edges, {some.flows} of {whole.flows} flows, "
        f"{bytes_text(some.bytes)} of {bytes_text(whole.bytes)}"
    )


def _tables(found: Verification) -> Iterator[tuple[str, pl.DataFrame]]:
    lost, edges = found.lost(), found.edges.filter("counts")
    by = pl.col("isolated_by").list.join(", ").alias("denied by")
    yield "Would be denied", lost.select(*_EDGE, by, *_why(lost))
    undecided = edges.filter(pl.col("verdict") == Verdict.UNDECIDED)
    yield "Not decided by policy", undecided.select(*_EDGE, *_why(undecided))
    unknown = edges.filter(pl.col("verdict") == Verdict.UNKNOWN)
    yield "Not known", unknown.select(*_EDGE, *_why(unknown))
    events = found.disagreements()
    yield (
        "Network events say otherwise",
        events.select(*_EDGE[:4], "verdict", "network_events", "policies"),
    )
    yield "Rules" if "rule" in found.rules.columns else "Policies", found.rules
    yield "Allowed and never seen", found.unused
    yield "Not isolated by any policy", found.unselected


def _why(rows: pl.DataFrame) -> list[str]:
    """The column of explanations, where there is any."""
    return ["why"] if (rows["why"] != "").any() else []
