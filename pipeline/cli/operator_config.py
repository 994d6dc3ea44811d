"""`operator-config`: the pipeline that NetObserv's operator makes of a FlowCollector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import app, refuse, say, show
from pipeline.config.dump import dump_plain
from pipeline.config.flowcollector import load as read
from pipeline.config.flowcollector.native import native
from pipeline.config.flowcollector.pipeline import build
from pipeline.diagnostics import (
    ConfigError,
    Diagnostic,
    Location,
    Problem,
    Severity,
    warning,
)
from pipeline.flowmetric import FlowMetric
from pipeline.flowmetric import load as load_metrics
from pipeline.kube.api.objects import Object
from pipeline.kube.inventory import file as inventory


@app.command("operator-config")
def operator_config(
    path: Annotated[
        Path, typer.Argument(metavar="FLOWCOLLECTOR", help="File with the FlowCollector.")
    ],
    flowmetrics: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="File or folder of FlowMetrics; may be repeated."),
    ] = None,
    objects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Objects of the cluster, for labels of its networks."),
    ] = None,
    dialect: Annotated[
        bool,
        typer.Option("--dialect/--native", help="In the format of flowlogs-pipeline, or natively."),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the values of headers, too: they may be secrets.")
    ] = False,
) -> None:
    """Print the pipeline of a FlowCollector, as NetObserv's operator makes it.

    FlowMetrics of other namespaces than the FlowCollector's are ignored, as the operator does it.
    What Secrets and ConfigMaps hold is expected where the operator mounts it: comments say where.
    """
    try:
        collector = read(path)
        problems = [*collector.warnings]
        metrics = _metrics(flowmetrics or [], collector.spec.namespace, problems)
        pipeline = build(collector, metrics, _objects(objects, problems), live=not dialect, raw=raw)
        problems += (Diagnostic(Location(str(path)), one) for one in pipeline.problems)
        body = (
            dump_plain(pipeline.document)
            if dialect
            else native(pipeline, collector.spec, sorted({_file(one) for one in metrics}))
        )
    except ConfigError as error:
        refuse(error)
    for problem in problems:
        say(str(problem))
    for folder, what in pipeline.mounted.items():
        show(f"# {folder}: {what}")
    typer.echo(body, nl=False)


def _metrics(paths: list[Path], namespace: str, problems: list[Diagnostic]) -> list[FlowMetric]:
    """The FlowMetrics that the operator would look at. Raises ConfigError."""
    if not paths:
        return []
    loaded = load_metrics(list(map(str, paths)), Path())
    if any(one.problem.severity is Severity.ERROR for one in loaded.problems):
        raise ConfigError(loaded.problems)
    problems += loaded.problems
    counted = [one for one in loaded.resources if one.namespace in ("", namespace)]
    files = {_file(one) for one in counted}
    for one in loaded.resources:
        if one not in counted:
            message = f"{one.identity} is ignored: FlowMetrics are those in namespace {namespace}"
            if _file(one) in files:
                message += "; take it out of this file, the native form counts whole files"
            problems.append(Diagnostic(Location(one.place), warning((), message)))
    return counted


def _file(metric: FlowMetric) -> str:
    """The file of a FlowMetric, from anywhere."""
    return str(Path(metric.place.rsplit(":", 2)[0]).absolute())


def _objects(path: Path | None, problems: list[Diagnostic]) -> list[Object]:
    """The objects of a file. Raises ConfigError when it cannot be read."""
    if path is None:
        return []
    found: list[Problem] = []
    read_ = [one.object for one in inventory.read(path, found)]
    diagnostics = [Diagnostic(Location(str(path)), problem) for problem in found]
    if any(problem.severity is Severity.ERROR for problem in found):
        raise ConfigError(diagnostics)
    problems += diagnostics
    return read_
