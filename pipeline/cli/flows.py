"""`flows`: single flows of Parquet files and recordings."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console

from matrix.cells import clean, number_text
from pipeline.cli import flow_files, flow_output
from pipeline.cli.app import app, fail, say, show
from pipeline.cli.flow_files import FlowFiles, Wanted
from pipeline.cli.flow_output import FORMS, USUAL, Form, Totals
from pipeline.cli.moments import EXAMPLES, Period, period
from pipeline.cli.standard_input import piped
from pipeline.diagnostics import nearest
from pipeline.flows import values
from pipeline.flows.catalogue import CATALOGUE, dtype_of
from pipeline.predicate import query as language
from pipeline.predicate.both_ways import both_ways as _both_ways
from pipeline.predicate.condition import Query
from pipeline.predicate.syntax import RefusedError

_SCREEN = 50
_TOTALS = frozenset({"Bytes", "Packets"})


@app.command()
def flows(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES",
            help="Parquet files, folders of them, or recordings; - is standard input.",
            callback=lambda context, paths: [piped(context, path) for path in paths],
        ),
    ],
    query: Annotated[
        str, typer.Option("--query", "-q", metavar="TEXT", help="Flows that meet this condition.")
    ] = "",
    both_ways: Annotated[
        bool, typer.Option("--both-ways", help="And those the other way: Src for Dst in the query.")
    ] = False,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", "-c", metavar="FIELD,...", help="These fields, in this order."),
    ] = None,
    top: Annotated[
        int, typer.Option(min=0, metavar="N", help="The flows with the greatest --by.")
    ] = 0,
    by: Annotated[str, typer.Option(metavar="FIELD", help="The field of --top.")] = "Bytes",
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"Seen at this time or later: {EXAMPLES}.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Seen before this.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help=f"Print so many at most; of a table {_SCREEN}, else all."
        ),
    ] = None,
    output: Annotated[Form, typer.Option("--format")] = Form.TABLE,
) -> None:
    """Print single flows, of Parquet files and recordings.

    FILES are what a stage write_parquet keeps (its folder, or files of it), or recordings: protobuf
    messages, JSON in any layout, or the files of the netobserv CLI (JSON and SQLite), compressed or
    not. They are read once, in order, in bounded memory.

    The query language is that of filters (docs/query-language.md). With --both-ways a flow also
    matches when the query holds with source and destination in each other's place; one that matches
    both ways is there once. A time is that of the flow's end, or else when it was received.

    json is one array, jsonl an object a line, both with every field that a flow has, or those of
    --columns. csv has the columns of a wide table. A line says what matched in all, below a table
    and otherwise on stderr.
    """
    asked = list(dict.fromkeys(n for text in columns or () for n in text.split(",") if n))
    wanted = _wanted(
        query, both_ways, period(since, until, time.time()), asked, output, by if top else ""
    )
    totals = Totals()
    try:
        files = FlowFiles(flow_files.found(paths))
        _check(files, wanted, asked, by)
        batches = map(totals.add, files.frames(wanted))
        _print(_top(batches, by, top) if top else batches, output, asked, limit)
    except OSError as error:
        fail(error)
    _tell(files, totals, output)


def _wanted(
    query: str,
    both: bool,
    times: Period,
    asked: Sequence[str],
    output: Form,
    by: str,
) -> Wanted:
    """What to read. Raises typer.BadParameter."""
    condition = _parsed(query)
    if both and condition is None:
        raise typer.BadParameter("--both-ways turns a query round: give --query")
    names = asked or ([] if output in {Form.JSON, Form.JSONL} else USUAL)
    return Wanted(
        _both_ways(condition) if both and condition else condition,
        *times,
        frozenset({*names, by} - {""}) | _TOTALS if names else None,
    )


def _parsed(query: str) -> Query | None:
    try:
        return language.parse(query) if query else None
    except RefusedError as error:
        hint = f"; {error.hint}" if error.hint else ""
        raise typer.BadParameter(f"--query: {error}{hint}") from None


def _check(files: FlowFiles, wanted: Wanted, asked: Sequence[str], by: str) -> None:
    """Raises typer.BadParameter for fields that no flow can have, and OSError."""
    queried = sorted(wanted.query.fields) if wanted.query else []
    named = dict.fromkeys(asked, "--columns") | dict.fromkeys(queried, "--query")
    named |= {by: "--by"}
    unknown = {name: option for name, option in named.items() if name not in CATALOGUE}
    there = files.names() if unknown else set[str]()
    for name, option in unknown.items():
        if name not in there:
            hint = nearest(name, [*CATALOGUE, *sorted(there)]) or "docs/fields.md has the fields"
            raise typer.BadParameter(f'{option}: no flow has the field "{name}"; {hint}')
    dtype = dtype_of(by)
    if dtype is not None and not dtype.is_numeric():
        raise typer.BadParameter(
            f'--by: "{by}" is not a field of numbers, as Bytes and Packets are'
        )


def _top(batches: Iterator[pl.DataFrame], by: str, most: int) -> Iterator[pl.DataFrame]:
    kept: pl.DataFrame | None = None
    for batch in batches:
        kept = flow_output.greatest(kept, batch, by, most)
    if kept is not None:
        yield kept


def _print(
    batches: Iterator[pl.DataFrame], output: Form, asked: Sequence[str], limit: int | None
) -> None:
    """Print the first flows, and read the others for the totals."""
    if output is Form.TABLE:
        first = list(_first(batches, _SCREEN if limit is None else limit))
        shown = values.concat(first) if first else pl.DataFrame()
        sys.stdout.write(flow_output.table(shown, asked, _width()) if shown.height else "")
        return
    for text in FORMS[output](_first(batches, limit), asked):
        sys.stdout.write(text)


def _first(batches: Iterator[pl.DataFrame], most: int | None) -> Iterator[pl.DataFrame]:
    left = most
    for batch in batches:
        part = batch if left is None else batch.head(min(left, batch.height))
        left = None if left is None else left - part.height
        if part.height:
            yield part


def _tell(files: FlowFiles, totals: Totals, output: Form) -> None:
    """Say what was read and matched; exit 1 when all of it was rejected."""
    sys.stdout.flush()
    line = f"{totals}; {number_text(files.read)} read"
    if files.rejected:
        ((reason, _),) = files.rejected.most_common(1)
        line += f", {number_text(files.rejected.total())} rejected (such as: {clean(reason)})"
    (show if output is Form.TABLE else say)(line)
    if files.rejected and not files.read:
        fail("everything that was read was rejected: are these files of flows?")


def _width() -> int:
    """The width to keep to; 0 in a pipe, which has none."""
    console = Console()
    return console.width if console.is_terminal else 0
