"""`matrix`: who opens connections to whom, on which port."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from matrix import tables
from matrix.families import MatrixDirection, NoMatrixError
from matrix.prometheus import PrometheusError
from matrix.render import Form, notes, render
from matrix.tables import MatrixTable, Order
from pipeline.api.client import RemoteError
from pipeline.cli.app import app, fail, say
from pipeline.cli.moments import EXAMPLES, moment
from pipeline.cli.series import Counted, Origin
from pipeline.diagnostics import nearest
from pipeline.state.checkpoint_file import CheckpointError


class Side(StrEnum):
    """Which of the two tables."""

    IN = "in"
    OUT = "out"
    BOTH = "both"

    @property
    def directions(self) -> tuple[MatrixDirection, ...]:
        """The directions of its tables."""
        out, into = MatrixDirection.OUTGOING, MatrixDirection.INCOMING
        return {Side.IN: (into,), Side.OUT: (out,), Side.BOTH: (out, into)}[self]


@app.command()
def matrix(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A pipeline, to run on its input; or a recording."),
    ] = None,
    recording: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="Read this recording instead of the source."),
    ] = None,
    inventory: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The objects behind a recording's addresses."),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Read the state of an earlier run.")
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Ask a running worker; of a group, give each."),
    ] = None,
    prometheus: Annotated[
        str, typer.Option(metavar="URL", help="Ask a Prometheus that scrapes the metrics.")
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The bearer token for --prometheus."),
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="TIME", help=f"How far back to ask Prometheus: {EXAMPLES}.")
    ] = "7d",
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NS",
            help="Whose matrix; again for more; or all there are.",
        ),
    ] = None,
    direction: Annotated[Side, typer.Option(help="Connections accepted, opened, or both.")] = (
        Side.BOTH
    ),
    order: Annotated[
        Order, typer.Option("--sort", help="What comes first: the largest, the latest, or A to Z.")
    ] = Order.COUNT,
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

    Give one of FILE, --state, --server and --prometheus. A row says that a workload opened
    connections to another one, a node, a service or a labelled subnet, on a port. first_seen and
    last_seen are the times of the flows (the end of each), not those at which they were counted.

    FILE is a pipeline file, or a recording: protobuf messages, JSON in any layout, or the files of
    the netobserv CLI (JSON and SQLite). A recording needs no pipeline: its flows name their objects
    already, or --inventory knows them.

    json is one document and csv one table, with namespace and direction as columns; notes are in
    the document, and beside csv on stderr. A table keeps to the width of the terminal, and in a
    pipe each row is a line.
    """
    now = time.time()
    origin = Origin(
        path=path,
        recording=recording,
        inventory=inventory,
        state=state,
        servers=server or (),
        prometheus=prometheus,
        period=now - moment(since, now),
        token_file=token_file,
    )
    origin.check()
    try:
        counted = origin.read(namespace or (), metric or ())
        names = _namespaces(counted, namespace or (), named=bool(metric))
        shown = [
            _made(counted, name, side, collapse_nodes, metric or (), order)
            for name in names
            for side in direction.directions
        ]
    except (NoMatrixError, CheckpointError, RemoteError, PrometheusError, OSError) as error:
        fail(error)
    console = Console()
    width = console.width if console.is_terminal else 0
    typer.echo(render(shown, output, width, counted.notes), nl=False)
    for note in notes(shown, counted.notes) if output is Form.CSV else ():
        say(f"note: {note}")


def _made(
    counted: Counted,
    namespace: str,
    direction: MatrixDirection,
    collapse_nodes: bool,
    metrics: Sequence[str],
    order: Order,
) -> MatrixTable:
    return tables.connections(
        counted.series,
        namespace,
        direction,
        collapse_nodes=collapse_nodes,
        metrics=tuple(metrics) or counted.metrics,
        order=order,
    )


def _namespaces(counted: Counted, asked: Sequence[str], *, named: bool) -> list[str]:
    """The namespaces to show; those without a row are told about."""
    if asked and named:
        return list(dict.fromkeys(asked))
    there = tables.namespaces(counted.series, counted.metrics)
    for missing in _missing(asked, there):
        hint = nearest(missing, there) or f"there are {', '.join(there) or 'none'}"
        say(f'warning: no row is of namespace "{missing}"; {hint}')
    return list(dict.fromkeys(asked)) or there


def _missing(asked: Sequence[str], there: Sequence[str]) -> Iterator[str]:
    return (name for name in asked if name not in there)
