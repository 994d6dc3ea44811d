"""The main job in a minute: the reference scenario simulated, run and shown (`make demo`)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import typer

from matrix import tables
from matrix.families import MatrixDirection, Series
from matrix.screen import on_screen
from matrix.tables import MatrixTable, Order
from pipeline.app.job import Job
from pipeline.cli.run import serve
from pipeline.config.loader import load
from pipeline.state.count_store import counters
from simulate import simulate

_NAMESPACE, _EXTERNAL = "netobserv", "noo-loki"


def main() -> None:
    """Print the tables; then serve /metrics until Ctrl-C, or end at once with --once."""
    with tempfile.TemporaryDirectory(prefix="flowmatrix-") as folder:
        made = simulate("reference", Path(folder) / "reference.pb")
        typer.echo(f"{made.flows:,} flows of agents recorded; running {made.config.name} on them\n")
        job = _run(made.config)
        series = counters(job.counts)
        for direction in MatrixDirection:
            table = tables.connections(series, _NAMESPACE, direction, order=Order.NAME)
            _show(table.title, table)
        if made.before:
            before = counters(_run(made.before).counts)
            _show(f"External peers of {_EXTERNAL}, before labelling", _external(before))
        _show(f"External peers of {_EXTERNAL}, labelled", _external(series))
        if "--once" not in sys.argv:
            serve(job)


def _run(path: Path) -> Job:
    job = Job(load(path))
    job.run()
    return job


def _external(series: Series) -> MatrixTable:
    return tables.external(series, _EXTERNAL)


def _show(title: str, table: MatrixTable) -> None:
    typer.echo(f"{title} ({table.rows.height} rows)\n")
    typer.echo(on_screen(table._replace(namespace="", direction="")))


if __name__ == "__main__":
    main()
