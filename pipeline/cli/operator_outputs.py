"""`charts` and `health-rules`: dashboards of Grafana and rules of Prometheus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pipeline.app.outputs import require_other
from pipeline.cli.app import app, fail, refuse, refuse_argument, say
from pipeline.config.dump import dump_plain
from pipeline.config.flowcollector import features, health_rules
from pipeline.config.flowcollector import load as read
from pipeline.config.settings import Prefix
from pipeline.diagnostics import ConfigError, Diagnostic, Location, Severity
from pipeline.files import write
from pipeline.flowmetric import FlowMetric, load, predefined
from pipeline.flowmetric.dashboards import dashboards, unselected
from pipeline.flowmetric.files import found
from pipeline.flowmetric.predefined_charts import with_charts
from pipeline.yaml.object_names import is_namespace


def _beginning(prefix: str) -> str:
    """What names of metrics may begin with: a query with another one would not be read."""
    try:
        return msgspec.convert(prefix, Prefix)
    except msgspec.ValidationError:
        raise typer.BadParameter(f'"{prefix}" is not the start of a metric name') from None


def _namespace(name: str) -> str:
    if name and not is_namespace(name):
        raise typer.BadParameter(f'"{name}" is not the name of a namespace')
    return name


@app.command()
def charts(
    flowmetrics: Annotated[
        list[str] | None,
        typer.Argument(metavar="FLOWMETRICS...", help="Files, folders and globs of FlowMetrics."),
    ] = None,
    collector: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A FlowCollector: its predefined metrics come first."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write each dashboard to a file there.")
    ] = None,
    prefix: Annotated[
        str, typer.Option(metavar="P", help="How names of metrics begin.", callback=_beginning)
    ] = "netobserv_",
) -> None:
    """Write the charts of FlowMetrics as dashboards of Grafana.

    One dashboard is printed as JSON; several are written to the folder of --out.
    """
    try:
        metrics = _predefined(collector) if collector else []
    except ConfigError as error:
        refuse(error)
    metrics += _read(flowmetrics or [])
    for metric in metrics:
        for query in unselected(metric):
            say(f"warning: {metric.identity}: {query}: a histogram has _bucket, _sum and _count")
    made = dashboards(metrics, prefix)
    if not made:
        fail("there is no chart in these FlowMetrics")
    if out is None and len(made) > 1:
        fail(f"these are {len(made)} dashboards ({', '.join(made)}): give --out DIR")
    texts = {one["uid"]: json.dumps(one, indent=2) for one in made.values()}
    if out is None:
        typer.echo(texts.popitem()[1])
        return
    written = {out / f"{name}.json": f"{text}\n" for name, text in texts.items()}
    try:
        for path in written:
            require_other(path, collector, *found(flowmetrics or [], Path()))
        out.mkdir(parents=True, exist_ok=True)
        for path, text in written.items():
            write(path, text)
    except OSError as error:
        fail(error)
    say(f"{len(texts)} written to {out}: {', '.join(f'{name}.json' for name in texts)}")


@app.command("health-rules")
def health_rules_(
    collector: Annotated[
        Path, typer.Argument(metavar="FLOWCOLLECTOR", help="File with the FlowCollector.")
    ],
    namespace: Annotated[
        str,
        typer.Option(
            metavar="NS",
            help="As a PrometheusRule of this namespace, for a cluster.",
            callback=_namespace,
        ),
    ] = "",
) -> None:
    """Print the health rules of a FlowCollector as rules of Prometheus.

    Network Health of NetObserv shows them. Of a PrometheusRule the namespace should not be
    NetObserv's, which removes the rules of others from its own.
    """
    try:
        spec = read(collector).spec
    except ConfigError as error:
        refuse(error)
    rules = health_rules.build(spec)
    for problem in rules.problems:
        say(str(Diagnostic(Location(str(collector)), problem)))
    made = health_rules.resource(rules, namespace) if namespace else health_rules.groups(rules)
    typer.echo(dump_plain(made), nl=False)


def _predefined(collector: Path) -> list[FlowMetric]:
    """The predefined metrics of a FlowCollector, with their charts. Raises ConfigError."""
    spec = read(collector).spec
    return with_charts(predefined.metrics(features.metrics(spec), features.labels(spec)))


def _read(patterns: list[str]) -> list[FlowMetric]:
    """The FlowMetrics of files, by their names; problems end the command."""
    if not patterns:
        return []
    loaded = load(patterns, Path())
    if any(one.problem.severity is Severity.ERROR for one in loaded.problems):
        refuse_argument("FLOWMETRICS", loaded.problems)
    return sorted(loaded.resources, key=lambda one: one.name)
