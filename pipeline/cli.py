"""The command line."""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline import config, graph
from pipeline.checkpoint import CheckpointError
from pipeline.config import Config, ConfigError
from pipeline.job import Job
from pipeline.plan import compile_plan
from pipeline.runtime.deadletters import TooManyDeadLettersError
from pipeline.runtime.embedded import Embedded
from pipeline.stage import Env, Macro

EX_CONFIG = 78
"""Exit code of a refused configuration (sysexits.h)."""

app = typer.Typer(
    help="Network flows in, FlowMetric counters for Prometheus and the flow matrix out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
ConfigFile = Annotated[
    Path, typer.Argument(help="Pipeline file, native or flowlogs-pipeline's.", metavar="CONFIG")
]


@app.command()
def run(
    path: ConfigFile,
    once: Annotated[bool, typer.Option("--once", help="End with the input; no server.")] = False,
    metrics_out: Annotated[
        str, typer.Option(metavar="FILE", help="Write the final exposition here (- for stdout).")
    ] = "",
    dead_letters: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what could not be used here.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the counts here across runs.")
    ] = None,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve /metrics here instead.")
    ] = "",
    input_: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="Read this recording instead of the source."),
    ] = None,
) -> None:
    """Run a pipeline.

    Flows that could not be used go to the dead letters with a reason, counts to /metrics. With
    --once the input is read to its end and the final exposition goes to --metrics-out.
    """
    job = Job(load(path), recording=input_, state=state, dead_letters=dead_letters)
    _stop_on_signals(job.runtime)
    try:
        if once:
            _progress(job)
        else:
            with job.server(listen) as server:
                Console(stderr=True).print(f"serving {server.url}/metrics", highlight=False)
                _progress(job)
                job.runtime.wait()
    except (CheckpointError, TooManyDeadLettersError, OSError) as error:
        _fail(str(error))
    if metrics_out == "-":
        sys.stdout.write(job.final())
    elif metrics_out:
        Path(metrics_out).write_text(job.final(), encoding="utf-8")


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="CONFIG...", help="Pipeline files.")],
    output: Annotated[
        str, typer.Option("--format", help="text or json (the status of every FlowMetric).")
    ] = "text",
) -> None:
    """Check pipeline files and their FlowMetrics; every problem at once, exit 78 if any."""
    statuses = []
    for path in paths:
        loaded = load(path)
        env = Env(folder=loaded.folder)
        found = [
            s for stage in loaded.stages if isinstance(stage, Macro) for s in stage.status(env)
        ]
        compile_plan(loaded.stages, env)
        statuses += found
        if output == "text":
            typer.echo(f"{path}: ok ({len(loaded.stages)} stages, {len(found)} FlowMetrics)")
            for status in found:
                typer.echo(f"  {_status_line(status)}")
    if output == "json":
        typer.echo(json.dumps(statuses, indent=2))


class GraphFormat(StrEnum):
    """How `graph` prints a plan."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"


@app.command("graph")
def graph_(
    path: ConfigFile,
    output: Annotated[GraphFormat, typer.Option("--format")] = GraphFormat.TEXT,
) -> None:
    """Print the plan as it will run: FlowMetrics expanded, shared stages once."""
    loaded = load(path)
    plan = compile_plan(loaded.stages, Env(folder=loaded.folder))
    render = {"text": graph.text, "mermaid": graph.mermaid, "dot": graph.dot}[output]
    typer.echo(render(plan), nl=False)


def load(path: Path) -> Config:
    """A valid configuration; otherwise its problems on stderr and exit 78."""
    try:
        loaded = config.load(path)
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise typer.Exit(EX_CONFIG) from error
    for problem in loaded.warnings:
        typer.echo(str(problem), err=True)
    return loaded


def _progress(job: Job) -> None:
    if not sys.stderr.isatty():
        job.run()
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} flows"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("flows", total=None)
        job.run(lambda flows: bar.advance(task, flows))


def _stop_on_signals(runtime: Embedded) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        runtime.stop()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _status_line(status: dict[str, object]) -> str:
    return json.dumps(status)


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(1)


def main() -> None:
    """Entry point of the command `flowmatrix`."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.Formatter.converter = time.gmtime
    app()
