"""`matrix`: who opens connections to whom, on which port."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from matrix import tables
from matrix.cells import clean
from matrix.coverage import Coverage
from matrix.families import MatrixDirection, NoMatrixError
from matrix.prometheus import PrometheusError
from matrix.render import Form, notes, render
from matrix.select import Collapse, Only, collapse, select, summary
from matrix.tables import MatrixTable, Order
from pipeline.api.remote import RemoteError
from pipeline.cli import edge_output, matrix_options, server_options
from pipeline.cli.app import app, fail, say
from pipeline.cli.edge_output import Question
from pipeline.cli.moments import moment, period
from pipeline.cli.series import Counted, Origin
from pipeline.cli.sighting import Sighting, namespaces, warn_of_unmatched, warn_of_unseen
from pipeline.state.checkpoint_file import CheckpointError

_WEEK = "7d"


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


class Filters(NamedTuple):
    """Which edges are asked for, as `matrix.select.select` takes it."""

    between: tuple[str, str] | None
    peer: str
    port: int | None
    since: float | None
    until: float | None
    only: Only | None


class Shown(NamedTuple):
    """What is printed, notes for stderr, and whether something that was asked for was not seen."""

    text: str
    notes: list[str]
    unseen: bool


@app.command()
def matrix(
    path: matrix_options.File = None,
    recording: matrix_options.Input = None,
    inventory: matrix_options.Inventory = None,
    state: matrix_options.State = None,
    server: matrix_options.Server = None,
    prometheus: Annotated[
        str, typer.Option(metavar="URL", help="Ask a Prometheus that scrapes the metrics.")
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            callback=server_options.keep_token,
            help="The bearer token for --prometheus or --server.",
        ),
    ] = None,
    namespace: matrix_options.Namespaces = None,
    direction: Annotated[Side, typer.Option(help="Connections accepted, opened, or both.")] = (
        Side.BOTH
    ),
    between: matrix_options.Between = None,
    peer: matrix_options.Peer = "",
    port: matrix_options.Port = None,
    since: matrix_options.Since = None,
    until: matrix_options.Until = None,
    only: matrix_options.OnlyState = None,
    collapsed: matrix_options.Collapsed = None,
    collapse_nodes: Annotated[
        bool, typer.Option("--collapse-nodes", help="The same as --collapse nodes.")
    ] = False,
    summed: Annotated[
        bool, typer.Option("--summary", help="How many edges there are between namespaces.")
    ] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Show how it is known which end is the server.")
    ] = False,
    order: Annotated[
        Order, typer.Option("--sort", help="What comes first: the largest, the latest, or A to Z.")
    ] = Order.COUNT,
    output: Annotated[Form, typer.Option("--format")] = Form.TABLE,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Read these metrics instead of edges."),
    ] = None,
) -> None:
    """Print the flow matrix: who opens connections to whom, on which port.

    Give one of FILE, --state, --server and --prometheus. Where a stage encode_matrix counts edges,
    these are shown: an edge is a client, a server, a protocol and the server's port, with what
    became of its connections. Elsewhere, and of a Prometheus, rows come from counters with the
    labels of both workloads, whatever they are called. Times are those of the flows.

    FILE is a pipeline file, or a recording: protobuf messages, JSON in any layout, or the files of
    the netobserv CLI (JSON and SQLite). A recording needs no pipeline: its flows name their objects
    already, or --inventory knows them.

    json is one document and csv one table; notes are in the document, and beside csv on stderr. A
    table keeps to the width of the terminal, and in a pipe each row is a line. jsonl has an edge a
    line, for the policy commands. Exit 1 when a namespace or an end was asked for and not seen.
    """
    now = time.time()
    origin = Origin(
        path=path,
        recording=recording,
        inventory=inventory,
        state=state,
        servers=server or (),
        prometheus=prometheus,
        period=now - moment(_WEEK if since is None else since, now),
        token_file=token_file,
    )
    origin.check("--prometheus URL")
    merged = Collapse.NODES if collapse_nodes else collapsed
    filters = Filters(between, peer, port, *period(since, until, now), only)
    question = Question(namespace or (), direction.directions, order, evidence, summed)
    try:
        counted = origin.read(namespace or (), metric or ())
        if counted.sighting and not metric:
            shown = _edges(counted, counted.sighting, filters, merged, question, output)
        else:
            _only_edges(filters, summed=summed, evidence=evidence, merged=merged, form=output)
            shown = _labels(counted, question, metric or (), merged, output)
    except (NoMatrixError, CheckpointError, RemoteError, PrometheusError) as error:
        fail(error)
    except (OSError, ValueError) as error:
        fail(error)
    typer.echo(shown.text, nl=False)
    for note in shown.notes:
        say(f"note: {note}")
    if shown.unseen:
        raise typer.Exit(1)


def _edges(
    counted: Counted,
    sighting: Sighting,
    filters: Filters,
    merged: Collapse | None,
    question: Question,
    form: Form,
) -> Shown:
    """The edges as text."""
    everything = sighting.edges()
    facts = sighting.facts
    coverage = Coverage.of(everything, facts.beyond, counted.rejected, facts.reported)
    unseen = warn_of_unseen(question.namespaces, namespaces(everything))
    ends = [end for end in (filters.peer, *(filters.between or ())) if end]
    unseen |= warn_of_unmatched(everything, ends)
    found = edge_output.within(select(everything, **filters._asdict()), question)
    if found.is_empty() and everything.height and not unseen:
        say(f"note: none of {everything.height} edges fits what was asked for")
    shown = edge_output.within(collapse(found, merged), question) if merged else found
    below = edge_output.notes_on(found, coverage, counted.notes)
    if form is Form.JSON:
        return Shown(edge_output.document(shown, coverage, below[:-1]), [], unseen)
    text = edge_output.printed(shown, form, _width(), question, summary(found))
    if form is Form.TABLE:
        whole = "".join([f"{text}\n", *(_wrapped(f"note: {note}") for note in below)])
        return Shown(whole, [], unseen)
    return Shown(text, below, unseen)


def _labels(
    counted: Counted,
    question: Question,
    metrics: Sequence[str],
    merged: Collapse | None,
    form: Form,
) -> Shown:
    """The tables of counters as text."""
    names = list(dict.fromkeys(question.namespaces))
    unseen = False
    if not (names and metrics):
        there = tables.namespaces(counted.series)
        unseen = warn_of_unseen(names, there)
        names = names or there
    shown = [
        tables.connections(
            counted.series,
            name,
            side,
            collapse_nodes=merged is Collapse.NODES,
            metrics=tuple(metrics),
            order=question.order,
        )
        for name in names
        for side in question.directions
    ]
    text = render(shown, form, _width(), counted.notes)
    return Shown(text, _beside(shown, counted) if form is Form.CSV else [], unseen)


def _beside(shown: Sequence[MatrixTable], counted: Counted) -> list[str]:
    return notes(shown, counted.notes)


def _only_edges(
    filters: Filters, *, summed: bool, evidence: bool, merged: Collapse | None, form: Form
) -> None:
    """Refuse what counters cannot answer. Raises typer.BadParameter."""
    asked = {f"--{name}": value for name, value in filters._asdict().items() if name != "since"}
    asked |= {"--summary": summed, "--evidence": evidence}
    asked["--collapse"] = merged not in {None, Collapse.NODES}
    asked[f"--format {form}"] = form in {Form.DOT, Form.JSONL}
    for option, value in asked.items():
        if value not in {None, "", False}:
            raise typer.BadParameter(
                f"{option} is about edges, and no stage of type encode_matrix has counted them"
            )


def _wrapped(line: str) -> str:
    """A line of words in as many as the terminal needs."""
    width = _width()
    return f"{textwrap.fill(clean(line), width) if width else clean(line)}\n"


def _width() -> int:
    """The width to keep to; 0 in a pipe, which has none."""
    console = Console()
    return console.width if console.is_terminal else 0
