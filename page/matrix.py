"""The matrix as a document: clients by servers and ports, a cell for each pair that was seen.

`/api/v0/matrix?namespace=&direction=&collapse=`. Cells stand in columns of equal length, because
there may be a million of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec
import polars as pl
from msgspec import Meta

from matrix.approved import Approved, Drift
from matrix.approved import drift as drift_of
from matrix.edges import EDGES, State
from page.ends import KEY, SIDES, any_node, as_approved
from page.query import parameters
from page.source import Seen
from pipeline.api.openapi import Described

_PARTS = ("kind", "namespace", "workload", "label", "address")
_PORT = ("protocol", "port")


class Direction(StrEnum):
    """Which way connections go, seen from a namespace."""

    INGRESS = "ingress"
    EGRESS = "egress"
    INSIDE = "inside"


class Ends(StrEnum):
    """What a row or column stands for."""

    EACH = "each"
    NODES = "nodes"
    WORKLOADS = "workloads"
    NAMESPACES = "namespaces"


class CellState(StrEnum):
    """What a cell says, the most remarkable first: the worst of its edges is shown."""

    ANOMALOUS = "anomalous"
    NEW = "new"
    DENIED = "denied"
    UNCERTAIN = "uncertain"
    ESTABLISHED = "established"
    ATTEMPTED = "attempted"
    GONE = "gone"


STATES = list(CellState)


class Asked(msgspec.Struct, frozen=True):
    """Which part of the matrix, and how coarse."""

    namespace: Annotated[str, Meta(description="Edges with an end in this namespace.")] = ""
    direction: Annotated[
        Direction | None, Meta(description="Only into, out of or inside of the namespace.")
    ] = None
    collapse: Annotated[
        Ends, Meta(description="Make one end of all nodes, of a namespace, or of all outside.")
    ] = Ends.EACH


class End(msgspec.Struct, frozen=True):
    """A row: a client as in the columns of an edge; "" is what was collapsed."""

    kind: str
    namespace: str
    workload: str
    label: str
    address: str


class ServerPort(msgspec.Struct, frozen=True):
    """A column: a server, and the protocol and port it is reached at."""

    kind: str
    namespace: str
    workload: str
    label: str
    address: str
    protocol: str
    port: int | None


class Cells(msgspec.Struct, frozen=True):
    """The cells, a list for each of their values.

    `row` and `column` are places in the lists of the matrix, `state` one in its `states`. `edges`
    is how many edges a cell stands for; flows and bytes are of both ways.
    """

    row: list[int]
    column: list[int]
    state: list[int]
    edges: list[int]
    flows: list[int]
    bytes: list[int]


class MatrixPage(msgspec.Struct, frozen=True):
    """/api/v0/matrix.

    `namespaces` are all that were seen; `approved` is whether there is something that edges could
    be new since.
    """

    namespaces: list[str]
    approved: bool
    states: list[CellState]
    clients: list[End]
    servers: list[ServerPort]
    cells: Cells


DESCRIBED = Described(
    "The matrix: clients by servers and ports, and what was seen between them.",
    MatrixPage,
    parameters(Asked),
)


def matrix(seen: Seen, known: Approved | None, asked: Asked) -> MatrixPage:
    """The part of the matrix that is asked for; `known` is what is approved, if anything is."""
    rows = marked(seen, known)
    names = pl.concat([rows[f"{side}_namespace"] for side in SIDES]).unique().sort()
    rows = _collapsed(_part(rows, asked), asked.collapse)
    grid = _grid(rows)
    return MatrixPage(
        [name for name in names.to_list() if name],
        known is not None,
        STATES,
        [End(*row) for row in grid.clients.iter_rows()],
        [ServerPort(*row) for row in grid.servers.iter_rows()],
        Cells(*(grid.cells[name].to_list() for name in Cells.__struct_fields__)),
    )


def marked(seen: Seen, known: Approved | None) -> pl.DataFrame:
    """KEY, flows, bytes and `shown` (UInt8: a place in STATES), of edges that are gone too.

    A workload's label does not count: approved files do not have it either. What sees a part of the
    flows calls nothing gone.
    """
    edges, order = seen.edges(), [state.value for state in STATES]
    shown = pl.col("state").replace_strict(list(State), [order.index(s.value) for s in State])
    rows = edges.select(
        *KEY,
        (pl.col("flows") + pl.col("reply_flows")).alias("flows"),
        (pl.col("bytes") + pl.col("reply_bytes")).alias("bytes"),
        shown.cast(pl.UInt8).alias("shown"),
    ).with_columns(as_approved(f"{side}_label") for side in SIDES)
    if known is None:
        return rows
    found = drift_of(edges, known)
    worse = found.filter(pl.col("drift").is_in([Drift.ANOMALOUS.value, Drift.NEW.value]))
    plain = [pl.col(name).alias(f":{name}") for name in KEY]
    there = rows.with_columns(as_approved(name).alias(f":{name}") for name in KEY).join(
        worse.select(*plain, _place(pl.col("drift")).alias("drift")),
        on=[f":{name}" for name in KEY],
        how="left",
        nulls_equal=True,
    )
    # A mere attempt is not new, also where nodes with established connections share its name.
    attempt = pl.col("shown").is_in([order.index("attempted"), order.index("denied")])
    is_new = pl.col("drift") == order.index("new")
    worst = pl.when(is_new & attempt).then(None).otherwise("drift")
    there = there.with_columns(pl.coalesce(worst, "shown").cast(pl.UInt8).alias("shown"))
    gone = found.filter(pl.lit(seen.whole) & (pl.col("drift") == Drift.GONE.value)).select(
        *KEY,
        *(pl.lit(0, EDGES[name]).alias(name) for name in ("flows", "bytes")),
        pl.lit(order.index("gone"), pl.UInt8).alias("shown"),
    )
    return pl.concat([there.select(rows.columns), gone.select(rows.columns)])


def _place(state: pl.Expr) -> pl.Expr:
    order = [one.value for one in STATES]
    return state.replace_strict(order, range(len(order)), return_dtype=pl.UInt8)


def _part(rows: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    if not asked.namespace:
        return rows
    client, server = (pl.col(f"{side}_namespace") == asked.namespace for side in SIDES)
    return rows.filter(
        {
            None: client | server,
            Direction.INGRESS: server & ~client,
            Direction.EGRESS: client & ~server,
            Direction.INSIDE: client & server,
        }[asked.direction]
    )


def _collapsed(rows: pl.DataFrame, ends: Ends) -> pl.DataFrame:
    """The rows with the ends that differ only in what is collapsed called the same."""
    if ends is Ends.EACH:
        return rows
    blank: list[pl.Expr] = [any_node(side) for side in SIDES]
    if ends is not Ends.NODES:
        inside = [pl.col(f"{side}_namespace") != "" for side in SIDES]
        blank = [
            pl.when(within | (pl.col(f"{side}_kind") == "Node"))
            .then(pl.lit(""))
            .otherwise(f"{side}_{part}")
            .alias(f"{side}_{part}")
            for side, within in zip(SIDES, inside, strict=True)
            for part in ("workload", "label")
        ]
        blank += [
            pl.when(within).then(pl.lit("")).otherwise(f"{side}_kind").alias(f"{side}_kind")
            for side, within in zip(SIDES, inside, strict=True)
        ]
    if ends is Ends.NAMESPACES:
        blank += [pl.lit("").alias(f"{side}_address") for side in SIDES]
        blank += [pl.lit("").alias("protocol"), pl.lit(None, pl.Int32).alias("port")]
    return rows.with_columns(blank)


class _Grid(NamedTuple):
    clients: pl.DataFrame
    servers: pl.DataFrame
    cells: pl.DataFrame


def _grid(rows: pl.DataFrame) -> _Grid:
    """Clients, servers, and the cells between them, numbered by both."""
    client = [f"client_{part}" for part in _PARTS]
    server = [*(f"server_{part}" for part in _PARTS), *_PORT]
    clients = _numbered(rows.select(client).unique(), "client", "row")
    servers = _numbered(rows.select(server).unique(), "server", "column")
    cells = (
        rows.join(clients, on=client, how="left")
        .join(servers, on=server, how="left", nulls_equal=True)
        .group_by("row", "column")
        .agg(
            pl.col("shown").min().alias("state"),
            pl.len().alias("edges"),
            pl.col("flows", "bytes").sum(),
        )
        .sort("row", "column")
    )
    return _Grid(clients.select(client), servers.select(server), cells)


def _numbered(ends: pl.DataFrame, side: str, name: str) -> pl.DataFrame:
    """Ends in the order in which they are shown: workloads, nodes, labels, addresses."""
    label, address = pl.col(f"{side}_label") != "", pl.col(f"{side}_address") != ""
    place = (
        pl.when(pl.col(f"{side}_namespace") != "")
        .then(0)
        .when(pl.col(f"{side}_kind") != "")
        .then(1)
        .when(label & ~address)
        .then(2)
        .otherwise(3)
    )
    names = [f"{side}_{part}" for part in ("namespace", "workload", "label", "address", "kind")]
    ports = [column for column in _PORT if column in ends.columns]
    return ends.sort(place, *names, *ports).with_row_index(name)
