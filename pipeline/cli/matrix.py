"""`matrix`: who opens connections to whom, on which port."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from matrix import tables
from matrix.families import NoMatrixError, Series
from matrix.render import Form, render
from pipeline.api import client
from pipeline.api.client import RemoteError
from pipeline.app.job import Job
from pipeline.cli.app import app, fail, load, say
from pipeline.cli.run import advance, conclude, judge
from pipeline.diagnostics import nearest
from pipeline.stage import Kind
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import CheckpointError
from pipeline.state.count_store import counters


class Side(StrEnum):
    """Which of the two tables."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


@app.command()
def matrix(
    path: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="Run this pipeline on its input.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Read the state of an earlier run.")
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Ask a running worker; of a group, give each."),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NS", help="Whose matrix; or all there are.")
    ] = "",
    direction: Annotated[Side, typer.Option(help="Connections accepted, opened, or both.")] = (
        Side.BOTH
    ),
    collapse_nodes: Annotated[
        bool, typer.Option("--collapse-nodes", help="One row for all nodes.")
    ] = False,
    output: Annotated[Form, typer.Option("--format")] = Form.TABLE,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Read these metrics; or guess by label."),
    ] = None,
) -> None:
    """Print the flow matrix of a namespace.

    Give one of CONFIG, --state and --server. A row says that a workload opened connections to
    another one, a node, a service or a labelled subnet, on a port. first_seen and last_seen are the
    times of the flows (the end of each), not those at which they were counted.
    """
    if sum(map(bool, (path, state, server))) != 1:
        raise typer.BadParameter("give one of CONFIG, --state DIR and --server URL")
    try:
        series = (
            _from_config(path)
            if path
            else _from_state(state)
            if state
            else client.counters({url: client.ask(url) for url in server or ()})
        )
        there = [namespace] if namespace and metric else tables.namespaces(series)
        if namespace not in {"", *there}:
            hint = nearest(namespace, there) or f"there are {', '.join(there) or 'none'}"
            say(f'warning: no row is of namespace "{namespace}"; {hint}')
        wanted = [namespace] if namespace else there
        for name in wanted:
            for side in (Side.OUT, Side.IN) if direction is Side.BOTH else (direction,):
                make = tables.outgoing if side is Side.OUT else tables.incoming
                table = make(
                    series, name, collapse_nodes=collapse_nodes, metrics=tuple(metric or ())
                )
                title = "opened by" if side is Side.OUT else "accepted by"
                typer.echo(render(table, output, title=f"Connections {title} {name}"))
    except (NoMatrixError, CheckpointError, RemoteError, OSError) as error:
        fail(error)


def _from_config(path: Path) -> Series:
    job = Job(load(path))
    try:
        advance(job)
    finally:
        job.close()
    conclude(job)
    judge(job)
    return counters(job.counts)


def _from_state(folder: Path) -> Series:
    return {
        family.name: frame
        for family, frame in checkpoint_file.tables(folder)
        if family.kind is Kind.COUNTER
    }
