"""`validate`, `convert` and `schema`: what is in a configuration, without its plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pipeline import config
from pipeline.cli.app import EX_CONFIG, ConfigFile, app, load, refuse, say, show
from pipeline.config.loader import Config, ConfigError
from pipeline.config.schema import schema as json_schema
from pipeline.config.settings import Settings
from pipeline.plan.expand import Expanded, expand_macros
from pipeline.plan.fields import field_warnings
from pipeline.stage import BuildContext


class StatusFormat(StrEnum):
    """How `validate` prints."""

    TEXT = "text"
    JSON = "json"


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="CONFIG...", help="Pipeline files.")],
    output: Annotated[
        StatusFormat, typer.Option("--format", help="json: the status of every FlowMetric.")
    ] = StatusFormat.TEXT,
) -> None:
    """Check pipeline files and their FlowMetrics.

    Every problem is reported with its place, expectation and nearest valid name; exit 78 if any
    is an error.
    """
    refused = False
    told: set[str] = set()

    def tell(problem: object) -> None:
        """Say a warning once, also where several files have the same FlowMetric."""
        if str(problem) not in told:
            told.add(str(problem))
            say(str(problem))

    found: list[dict[str, Any]] = []
    for path in paths:
        try:
            loaded = load(path, tell)
            expanded = _expanded(loaded, tell)
        except typer.Exit:
            refused = True
            continue
        resources = [status for one in expanded.expansions for status in one.statuses]
        found += resources
        if output is StatusFormat.TEXT:
            typer.echo(f"{path}: ok, {_count(len(loaded.stages), 'stage')}")
            for resource in resources:
                show(f"  {_line(resource)}")
    if output is StatusFormat.JSON:
        typer.echo(json.dumps(found, indent=2))
    if refused:
        raise typer.Exit(EX_CONFIG)


@app.command()
def convert(path: ConfigFile) -> None:
    """Print a pipeline file in the native form."""
    loaded = load(path)
    settings = loaded.settings
    changed = {
        name: msgspec.to_builtins(getattr(settings, name))
        for name in settings.__struct_fields__
        if getattr(settings, name) != getattr(Settings(), name)
    }
    typer.echo(config.dump(loaded.stages, changed), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of native pipeline files, for editors."""
    typer.echo(json.dumps(json_schema(), indent=2))


def _expanded(loaded: Config, tell: Callable[[object], None]) -> Expanded:
    """The stages without macros; `tell` is told warnings about those that macros stand for."""
    try:
        expanded = expand_macros(
            loaded.stages,
            BuildContext(folder=loaded.folder),
            reserved=loaded.settings.reserved,
        )
    except ConfigError as error:
        refuse(error)
    for name, problem in field_warnings(expanded.stages):
        if name not in {stage.name for stage in loaded.stages}:
            tell(f'warning: stage "{name}": {problem.message}')
    return expanded


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _line(resource: dict[str, Any]) -> str:
    ready, cardinality = resource["conditions"]
    text = f"{resource['namespace']}/{resource['name']} -> {resource['prometheusName']}"
    text += f": {ready['reason']}" + (f" ({ready['message']})" if ready["message"] else "")
    levels = f" ({cardinality['message']})" if cardinality["message"] else ""
    return f"{text}, cardinality {cardinality['reason']}{levels}"
