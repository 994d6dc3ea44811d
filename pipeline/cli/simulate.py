"""`simulate`: flows with known truth, to a file or a Kafka topic."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pipeline.cli.app import app, fail
from pipeline.cli.brokers import connection
from pipeline.kafka.connection import BrokerError
from simulate import Format, Kind, Shape
from simulate import simulate as write
from simulate.live import Stream, Target, feed

_PACE = 1_000.0


@app.command()
def simulate(
    scenario: Annotated[
        Kind, typer.Argument(help="reference: the known tables; cluster: any size.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The recording (.gz, .zst compress).")
    ] = None,
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
    kafka: Annotated[
        str, typer.Option(metavar="HOST:PORT,...", help="Send to these brokers instead.")
    ] = "",
    topic: Annotated[str, typer.Option(metavar="T", help="The topic.")] = "network-flows",
    partitions: Annotated[
        int, typer.Option(metavar="N", help="Make the topic, with so many, if there is none.")
    ] = 0,
    rate: Annotated[
        float | None, typer.Option(metavar="R", help="Flows a second; 0: as fast as it can be.")
    ] = None,
    security: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML with tls and sasl, as in a pipeline file."),
    ] = None,
) -> None:
    """Write a recording, or feed a topic, with known truth about its counters.

    Beside FILE: the inventory of the cluster, pipeline files that run it (native and in
    flowlogs-pipeline's dialect), FlowMetrics, and what the counters must read in the end.

    With --kafka, flows go to a topic as the agents send them, --flows as fast as they go, or until
    Ctrl-C at 1,000 a second (--rate); FILE itself is not written then, only what stands beside it.
    """
    cluster = scenario is Kind.CLUSTER
    shape = Shape(pods=pods, workloads=workloads, nodes=max(20, pods // 100)) if cluster else None
    try:
        if kafka:
            pace = rate if rate is not None else 0.0 if flows else _PACE
            stream = Stream(
                scenario=scenario, flows=flows, rate=pace, seed=seed, shape=shape, out=out
            )
            target = Target(
                connection=connection(kafka, security), topic=topic, partitions=partitions
            )
            sent = asyncio.run(_until_stopped(stream, target))
            typer.echo(f'{sent:,} flows in topic "{topic}"')
            return
        if out is None:
            raise typer.BadParameter("give --out FILE or --kafka HOST:PORT")
        done = write(
            scenario,
            out,
            flows=flows,
            seed=seed,
            form=form,
            shape=shape,
            ipfix_replies=ipfix_replies,
        )
    except (ValueError, OSError, BrokerError, msgspec.MsgspecError) as error:
        fail(str(error))
    typer.echo(f"{done.flows:,} flows in {done.recording}")
    typer.echo(f"run them: flowmatrix matrix {done.config} --namespace netobserv")


async def _until_stopped(stream: Stream, target: Target) -> int:
    """Feed; Ctrl-C and SIGTERM end it after the delivery under way, a second one at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    return await feed(stream, target, stop)
