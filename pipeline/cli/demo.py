"""The main job in a minute: the reference scenario simulated, run and shown (`make demo`)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import polars as pl
import typer

from matrix import tables
from matrix.edge_screen import edges_on_screen
from matrix.families import MatrixDirection, Series
from matrix.screen import on_screen
from matrix.select import Collapse, collapse
from matrix.tables import MatrixTable, Order
from pipeline.app.job import Job
from pipeline.cli.run import serve
from pipeline.cli.sighting import known, sighting
from pipeline.config.loader import load
from pipeline.state.count_store import counters, facts
from simulate import simulate

_NAMESPACE, _EXTERNAL = "netobserv", "noo-loki"
_COLUMNS = 100


def main() -> None:
    """Print the tables; then serve /metrics until Ctrl-C, or end at once with --once."""
    with tempfile.TemporaryDirectory(prefix="flowmatrix-") as folder:
        made = simulate("reference", Path(folder) / "reference.pb")
        typer.echo(f"{made.flows:,} flows of agents recorded; running {made.config.name} on them\n")
        job = _run(made.config)
        _show_edges(job)
        typer.echo("The counters of two FlowMetrics, as Prometheus has them:\n")
        series = counters(job.counts)
        for direction in MatrixDirection:
            table = tables.connections(series, _NAMESPACE, direction, order=Order.NAME)
            _show(table.title, table)
        if made.before:
            before = counters(_run(made.before).counts)
            _show(f"External peers of {_EXTERNAL}, before labelling", _external(before))
        _show(f"External peers of {_EXTERNAL}, labelled", _external(series))
        if "--once" not in sys.argv:
            serve(job, pipeline=made.config, page=True)


def _run(path: Path) -> Job:
    job = Job(load(path))
    job.run()
    return job


def _show_edges(job: Job) -> None:
    """The flow matrix of the namespace, all nodes as one end."""
    seen = sighting(facts(job.counts), *known(job))
    if seen is None:
        return
    edges = collapse(seen.edges(), Collapse.NODES)
    for what, side in (("out of", "client"), ("into", "server")):
        own = edges.filter(pl.col(f"{side}_namespace") == _NAMESPACE)
        title = f"Flow matrix {what} {_NAMESPACE} ({own.height} edges)"
        both = pl.col("bytes") + pl.col("reply_bytes")
        typer.echo(edges_on_screen(own.sort(-both), _COLUMNS, title, _NAMESPACE))


def _external(series: Series) -> MatrixTable:
    return tables.external(series, _EXTERNAL)


def _show(title: str, table: MatrixTable) -> None:
    typer.echo(f"{title} ({table.rows.height} rows)\n")
    typer.echo(on_screen(table._replace(namespace="", direction="")))


if __name__ == "__main__":
    main()
