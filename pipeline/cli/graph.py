"""`graph`: the plan of a configuration."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli.app import ConfigFile, app, load, refuse, show
from pipeline.config.loader import ConfigError
from pipeline.plan import render
from pipeline.plan.compile import compile_plan
from pipeline.stage import BuildContext


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
    try:
        plan = compile_plan(
            loaded.stages,
            BuildContext(folder=loaded.folder),
            reserved=loaded.settings.reserved,
        )
    except ConfigError as error:
        refuse(error)
    draw = {"text": render.text, "mermaid": render.mermaid, "dot": render.dot}[output]
    for line in draw(plan).removesuffix("\n").split("\n"):
        show(line)
