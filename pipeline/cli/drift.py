"""`matrix approve` and `matrix diff`: the matrix that shall be, and how it is not."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console

from matrix import approved
from matrix.approved import Drift
from matrix.cells import clean
from matrix.edge_screen import drawn
from matrix.edge_text import end_text, port_text
from matrix.render import csv_text, json_text
from pipeline.api.remote import RemoteError
from pipeline.cli import matrix_options
from pipeline.cli.app import app, fail, refuse, say
from pipeline.cli.screen import Column
from pipeline.cli.series import Origin
from pipeline.cli.sighting import namespaces, warn_of_unseen
from pipeline.diagnostics import ConfigError
from pipeline.state.checkpoint_file import CheckpointError


class Form(StrEnum):
    """How differences are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@app.command("matrix approve")
def approve(
    path: matrix_options.File = None,
    recording: matrix_options.Input = None,
    inventory: matrix_options.Inventory = None,
    state: matrix_options.State = None,
    server: matrix_options.Server = None,
    namespace: matrix_options.Namespaces = None,
    base: Annotated[
        Path | None,
        typer.Option(metavar="APPROVED", help="Keep what this file marks as anomalous."),
    ] = None,
) -> None:
    """Print the present edges as a file to approve, to keep and to compare with later.

    Give one of FILE, --state and --server. Mere attempts and what policies denied are left out;
    nodes are one end. The same edges give the same bytes. `anomalous: true` behind an edge says
    that it must not be. Nothing is printed, and the exit code is 1, when a namespace was not seen.
    """
    before = _read(base) if base else None
    edges = _edges(path, recording, inventory, state, server)
    if warn_of_unseen(namespace or (), namespaces(edges)):
        raise typer.Exit(1)
    for protocol in approved.unnamed(edges, namespace or ()):
        say(f'note: edges of "{protocol}", which is not a protocol, are not approved')
    typer.echo(approved.dump(approved.approve(edges, namespace or (), before)), nl=False)


@app.command("matrix diff")
def diff(
    file: Annotated[
        Path, typer.Argument(metavar="APPROVED", help="What `matrix approve` has printed.")
    ],
    path: matrix_options.File = None,
    recording: matrix_options.Input = None,
    inventory: matrix_options.Inventory = None,
    state: matrix_options.State = None,
    server: matrix_options.Server = None,
    allow: Annotated[
        list[Drift] | None, typer.Option(help="Differences that leave the exit status 0.")
    ] = None,
    output: Annotated[Form, typer.Option("--format")] = Form.TABLE,
) -> None:
    """Compare the present edges with an approved file; exit 1 when they differ.

    Give one of FILE, --state and --server. An edge is *anomalous* when the file says that it must
    not be, *new* when the file does not have it, *changed* when it is known by other evidence, and
    *gone* when it is not seen any more: short recordings miss edges (--allow gone).
    """
    known = _read(file)
    found = approved.drift(_edges(path, recording, inventory, state, server), known)
    if output is Form.CSV:
        typer.echo(csv_text(found), nl=False)
    elif output is Form.JSON:
        typer.echo(json_text({"approved": len(known.edges)}, found), nl=False)
    elif found.height:
        typer.echo(_table(found), nl=False)
    counts = dict(found.group_by("drift").len().iter_rows())
    told = ", ".join(f"{counts[one.value]} {one}" for one in Drift if one.value in counts)
    say(f"{len(known.edges)} approved edges: {told or 'no difference'}")
    if set(counts) - set(allow or ()):
        raise typer.Exit(1)


def _edges(
    path: Path | None,
    recording: Path | None,
    inventory: Path | None,
    state: Path | None,
    servers: Sequence[str] | None,
) -> pl.DataFrame:
    origin = Origin(
        path=path, recording=recording, inventory=inventory, state=state, servers=servers or ()
    )
    origin.check()
    try:
        counted = origin.read()
    except (CheckpointError, RemoteError, OSError, ValueError) as error:
        fail(error)
    if counted.sighting is None:
        fail("no edges are counted: add a stage of type encode_matrix")
    return counted.sighting.edges()


def _read(path: Path) -> approved.Approved:
    try:
        return approved.load(path)
    except ConfigError as error:
        refuse(error)


def _table(found: pl.DataFrame) -> str:
    console = Console()
    columns = [
        *(Column("drift", text=True), Column("client", text=True), Column("server", text=True)),
        *(Column("port"), Column("evidence", text=True), Column("was", text=True, rank=1)),
    ]
    rows = [
        [
            *(row["drift"], end_text(row, "client"), end_text(row, "server"), port_text(row)),
            *(clean(row["evidence"]), clean(row["was"])),
        ]
        for row in found.iter_rows(named=True)
    ]
    return drawn(columns, rows, console.width if console.is_terminal else 0)
