"""`simulate`: recordings with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import app, fail
from pipeline.simulate import Format, Kind, Shape
from pipeline.simulate import simulate as write


@app.command()
def simulate(
    scenario: Annotated[
        Kind, typer.Argument(help="reference: the known tables; cluster: any size.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The recording (.gz, .zst compress).")],
    flows: Annotated[int | None, typer.Option(metavar="N", help="How many flows.")] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed gives the same files.")] = 0,
    form: Annotated[
        Format | None, typer.Option("--format", help="By the suffix if not given.")
    ] = None,
    pods: Annotated[int, typer.Option(metavar="N", help="Pods of the cluster scenario.")] = 1_000,
    workloads: Annotated[int, typer.Option(metavar="N", help="Its workloads.")] = 200,
    ipfix_replies: Annotated[
        bool, typer.Option("--ipfix-replies", help="Add replies with raw header bits (reference).")
    ] = False,
) -> None:
    """Write a recording with its inventory, configs and the truth about its counters.

    Beside FILE: the inventory of the cluster, pipeline files that run it (native and in
    flowlogs-pipeline's dialect), FlowMetrics, and what the counters must read in the end.
    """
    cluster = scenario is Kind.CLUSTER
    shape = Shape(pods=pods, workloads=workloads, nodes=max(20, pods // 100)) if cluster else None
    try:
        made = write(
            scenario,
            out,
            flows=flows,
            seed=seed,
            form=form,
            shape=shape,
            ipfix_replies=ipfix_replies,
        )
    except (ValueError, OSError) as error:
        fail(str(error))
    typer.echo(f"{made.flows:,} flows in {made.recording}")
    typer.echo(f"run them: flowmatrix matrix {made.config} --namespace netobserv")
