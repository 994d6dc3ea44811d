"""An approved flow matrix as a file, and how the present edges differ from it.

The file has no counts and no times, is sorted, and quotes every text: the same edges give the same
bytes, and a difference of two files reads as a difference of two matrices.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec
import polars as pl

from matrix.edges import PROTOCOL, Evidence, Port, Protocol, State
from pipeline.diagnostics import Problem
from pipeline.yaml import validate

_NODE = "Node"
_PARTS = ("kind", "namespace", "workload", "label", "address")
_SIDES = ("client", "server")
KEY = (*(f"{side}_{part}" for side in _SIDES for part in _PARTS), "protocol", "port")
"""The columns that make an edge the same edge."""
Key = tuple[tuple[str, ...], int]
_NAMED = pl.col("protocol").str.contains(PROTOCOL)
_HEAD = """\
# An approved flow matrix. `flowmatrix matrix diff` compares the present one with it.
# `anomalous: true` behind an edge says that it must not be, and a comparison reports it.
"""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class End(_Document, frozen=True):
    """An end of an edge: a workload, any node (kind Node), a subnet label, or an address."""

    kind: str = ""
    namespace: str = ""
    workload: str = ""
    label: str = ""
    address: str = ""


class ApprovedEdge(_Document, frozen=True, kw_only=True):
    """An edge, how it was known to be one, and whether it must not be."""

    client: End
    server: End
    protocol: Protocol
    port: Port | None = None
    evidence: Evidence
    anomalous: bool = False


class Approved(_Document, frozen=True):
    """The approved edges with an end in the `namespaces`, or of all namespaces without any."""

    namespaces: list[str] = []
    edges: list[ApprovedEdge] = []


class Drift(StrEnum):
    """How an edge differs from what was approved, the worst first."""

    ANOMALOUS = "anomalous"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


DRIFT = pl.Schema(
    {
        "drift": pl.String(),
        **dict.fromkeys(KEY, pl.String()),
        "port": pl.Int32(),
        "evidence": pl.String(),
        "was": pl.String(),
    }
)
"""A row for each edge that differs: its evidence now (null: gone), and when approved (null: new).
"""


def key(edge: ApprovedEdge) -> Key:
    """What makes an edge the same edge; edges sort by it."""
    return (*_ends(edge), edge.protocol), -1 if edge.port is None else edge.port


def approve(
    edges: pl.DataFrame, namespaces: Sequence[str] = (), before: Approved | None = None
) -> Approved:
    """The edges to approve: all that are not mere attempts, and no denied ones.

    Those marked as anomalous `before` stay so, also where they are not seen now.
    """
    marked = {key(edge): edge for edge in (before.edges if before else ()) if edge.anomalous}
    found = present(edges, namespaces)
    whole = found | {
        place: msgspec.structs.replace(found.get(place, edge), anomalous=True)
        for place, edge in marked.items()
    }
    return Approved(sorted(namespaces), [whole[place] for place in sorted(whole)])


def present(edges: pl.DataFrame, namespaces: Sequence[str]) -> dict[Key, ApprovedEdge]:
    """The edges that can be approved, by `key`: no mere attempts, and no denied ones.

    None of a protocol that is not one (see `unnamed`).
    """
    met = _met(_within(edges, namespaces))
    return {key(edge): edge for edge in _approved(met.filter(_NAMED))}


def unnamed(edges: pl.DataFrame, namespaces: Sequence[str]) -> list[str]:
    """What flows give as protocols of edges and is not one: these edges cannot be approved."""
    met = _met(_within(edges, namespaces))
    return met.filter(~_NAMED)["protocol"].unique().sort().to_list()


def dump(approved: Approved) -> str:
    """The file of an approved matrix, an edge in a line."""
    lines = [_HEAD + f"namespaces: {json.dumps(approved.namespaces)}", "edges:"]
    lines += [f"- {_flow(msgspec.to_builtins(edge))}" for edge in approved.edges]
    return "\n".join(lines if approved.edges else [*lines[:-1], "edges: []"]) + "\n"


def load(path: Path) -> Approved:
    """The approved matrix of a file. Raises ConfigError with everything that is wrong with it."""
    return validate.read(path, Approved, _duplicates)


def drift(edges: pl.DataFrame, approved: Approved) -> pl.DataFrame:
    """How edges differ from the approved ones (DRIFT), the worst first, then by name.

    Only those with an end in the approved namespaces count. A mere attempt is not new, but an
    anomalous edge that is attempted is reported.
    """
    inside = _within(edges, approved.namespaces)
    now = _keyed(inside)
    known = edges_of(approved)
    met = _keyed(_met(inside))
    both = known.join(now, on=KEY, nulls_equal=True, how="inner")
    parts = {
        Drift.ANOMALOUS: both.filter(pl.col("anomalous")),
        Drift.NEW: met.join(known, on=KEY, nulls_equal=True, how="anti").with_columns(
            pl.lit(None, pl.String).alias("was")
        ),
        Drift.CHANGED: both.filter(~pl.col("anomalous") & (pl.col("evidence") != pl.col("was"))),
        Drift.GONE: known.filter(~pl.col("anomalous"))
        .join(now, on=KEY, nulls_equal=True, how="anti")
        .with_columns(pl.lit(None, pl.String).alias("evidence")),
    }
    rows = [
        part.select(
            pl.lit(state.value).alias("drift"),
            *(pl.col(name).cast(DRIFT[name]) for name in (*KEY, "evidence", "was")),
        ).sort(KEY)
        for state, part in parts.items()
    ]
    return pl.concat(rows)


def counts(found: pl.DataFrame, namespaces: Sequence[str]) -> dict[tuple[str, str], int]:
    """How many edges of a drift each namespace has in each state, 0 included.

    An edge counts for the namespaces of both of its ends that are among `namespaces`, or for both
    of them where there are none.
    """
    ends = pl.concat(
        [found.select(pl.col(f"{side}_namespace").alias("of"), "drift", *KEY) for side in _SIDES]
    ).unique()
    ends = ends.filter(pl.col("of").is_in(namespaces) if namespaces else pl.col("of") != "")
    held = {
        (name, state): number
        for name, state, number in ends.group_by("of", "drift").len().iter_rows()
    }
    places = sorted({*namespaces, *(name for name, _ in held)})
    return {
        (name, state.value): held.get((name, state.value), 0) for name in places for state in Drift
    }


def _duplicates(approved: Approved) -> Iterator[Problem]:
    first: dict[Key, int] = {}
    for number, edge in enumerate(approved.edges):
        if (one := first.setdefault(key(edge), number)) != number:
            yield Problem(("edges", number), f"it is the same edge as edges[{one}]")


def _within(edges: pl.DataFrame, namespaces: Sequence[str]) -> pl.DataFrame:
    if not namespaces:
        return edges
    return edges.filter(
        pl.any_horizontal(pl.col(f"{side}_namespace").is_in(namespaces) for side in _SIDES)
    )


def _met(edges: pl.DataFrame) -> pl.DataFrame:
    return edges.filter(pl.col("state").is_in([State.ESTABLISHED.value, State.UNCERTAIN.value]))


def _keyed(edges: pl.DataFrame) -> pl.DataFrame:
    """KEY and evidence: any node is one end, and the label of a workload does not count."""
    columns = []
    for side in _SIDES:
        named = pl.col(f"{side}_kind") != ""
        node = pl.col(f"{side}_kind") == _NODE
        blank = {"workload": node, "label": named}
        columns += [
            pl.when(when).then(pl.lit("")).otherwise(f"{side}_{part}").alias(f"{side}_{part}")
            for part, when in blank.items()
        ]
    strongest = pl.col("evidence").cast(pl.Enum([one.value for one in Evidence])).min()
    return edges.with_columns(columns).group_by(KEY).agg(strongest.cast(pl.String))


def _approved(edges: pl.DataFrame) -> Iterator[ApprovedEdge]:
    for row in _keyed(edges).iter_rows(named=True):
        client, server = (End(*(row[f"{side}_{part}"] for part in _PARTS)) for side in _SIDES)
        yield ApprovedEdge(
            client=client,
            server=server,
            protocol=row["protocol"],
            port=row["port"],
            evidence=Evidence(row["evidence"]),
        )


def edges_of(approved: Approved) -> pl.DataFrame:
    """The approved edges: KEY, `was` (String, their evidence) and `anomalous` (Boolean)."""
    schema = {name: DRIFT[name] for name in KEY} | {"was": pl.String(), "anomalous": pl.Boolean()}
    rows = [
        (*_ends(edge), edge.protocol, edge.port, edge.evidence.value, edge.anomalous)
        for edge in approved.edges
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _ends(edge: ApprovedEdge) -> tuple[str, ...]:
    return (*msgspec.structs.astuple(edge.client), *msgspec.structs.astuple(edge.server))


def _flow(value: object) -> str:
    """A value in YAML's flow style, every text in quotes: none is read as a number or a boolean."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key}: {_flow(item)}" for key, item in value.items())
        return f"{{{inside}}}"
    return json.dumps(value)
