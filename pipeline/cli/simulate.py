"""`simulate`: flows with known truth, to a file or a Kafka topic."""

from __future__ import annotations

import asyncio
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pipeline.app.outputs import require_other
from pipeline.cli.app import app, fail, refuse
from pipeline.cli.brokers import connection, topic_name
from pipeline.cli.progress import progress
from pipeline.diagnostics import ConfigError
from pipeline.files import named
from pipeline.kafka.connection import BrokerError
from simulate import Format, Kind, Shape, companions
from simulate import simulate as write
from simulate.live import Stream, Target, feed

_PACE = 1_000.0
_PODS, _WORKLOADS, _SERVICES = 1_000, 200, 100
_OPTIONS = {"out", "flows", "pods", "workloads", "ipfix_replies"}


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
    pods: Annotated[
        int | None,
        typer.Option(metavar="N", help="Pods of the cluster scenario; 1,000, or more workloads."),
    ] = None,
    workloads: Annotated[
        int | None, typer.Option(metavar="N", help="Its workloads; 200, or fewer pods.")
    ] = None,
    ipfix_replies: Annotated[
        bool, typer.Option("--ipfix-replies", help="Add replies with raw header bits (reference).")
    ] = False,
    kafka: Annotated[
        str, typer.Option(metavar="HOST:PORT,...", help="Send to these brokers instead.")
    ] = "",
    topic: Annotated[
        str, typer.Option(metavar="T", help="The topic.", callback=topic_name)
    ] = "network-flows",
    partitions: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Make the topic, with so many, if there is none."),
    ] = 0,
    rate: Annotated[
        float | None,
        typer.Option(metavar="R", min=0, help="Flows a second; 0: as fast as it can be."),
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
    shape = _shape(scenario, pods, workloads)
    if not kafka:
        _alone(rate=rate is not None, security=bool(security), partitions=bool(partitions))
    try:
        if kafka:
            pace = rate if rate is not None else 0.0 if flows else _PACE
            stream = Stream(
                scenario=scenario,
                flows=flows,
                rate=pace,
                seed=seed,
                shape=shape,
                out=out,
                form=form or Format.PROTOBUF,
            )
            reached = connection(kafka, security)
            for path in companions.paths(out, scenario, 0).beside if out else ():
                require_other(path, security, *named(reached, Path(reached.folder)))
            target = Target(connection=reached, topic=topic, partitions=partitions)
            with progress() as advance:
                sent = asyncio.run(_until_stopped(stream, target, advance))
            typer.echo(f'{sent:,} flows in topic "{topic}"')
            config = out and companions.paths(out, scenario, sent).config
        elif out:
            with progress() as advance:
                done = write(
                    scenario,
                    out,
                    flows=flows,
                    seed=seed,
                    form=form,
                    shape=shape,
                    ipfix_replies=ipfix_replies,
                    advance=advance,
                )
            typer.echo(f"{done.flows:,} flows in {done.recording}")
            config = done.config
        else:
            raise typer.BadParameter("give --out FILE or --kafka HOST:PORT")
    except ConfigError as error:
        refuse(error)
    except ValueError as error:
        fail(_option(str(error)))
    except (OSError, BrokerError, msgspec.MsgspecError) as error:
        fail(error)
    if config:
        _suggest(scenario, config, live=bool(kafka))


def _suggest(scenario: Kind, config: Path, *, live: bool) -> None:
    """The command that runs what was written."""
    namespace = "netobserv" if scenario is Kind.REFERENCE else "team-0"
    file = shlex.quote(str(config))
    what = f"run {file}" if live else f"matrix {file} --namespace {namespace}"
    typer.echo(f"run them: flowmatrix {what}")


def _shape(scenario: Kind, pods: int | None, workloads: int | None) -> Shape | None:
    """The cluster asked for: what is not given goes by what is."""
    if scenario is Kind.REFERENCE:
        if pods is not None or workloads is not None:
            raise typer.BadParameter("--pods and --workloads are for the cluster scenario")
        return None
    if pods is None:
        pods = max(_PODS, workloads or 0)
    if workloads is None:
        workloads = min(_WORKLOADS, pods)
    services = max(0, min(_SERVICES, workloads))
    return Shape(pods=pods, workloads=workloads, services=services, nodes=max(20, pods // 100))


def _alone(**given: bool) -> None:
    """Raises typer.BadParameter for an option that says how a topic is fed."""
    for name, is_given in given.items():
        if is_given:
            raise typer.BadParameter(f"--{name} is for --kafka")


def _option(message: str) -> str:
    """A message that begins with the name of an argument, with that of the option instead."""
    name, colon, rest = message.partition(":")
    return f"--{name.replace('_', '-')}{colon}{rest}" if name in _OPTIONS else message


async def _until_stopped(stream: Stream, target: Target, advance: Callable[[int], None]) -> int:
    """Feed; Ctrl-C and SIGTERM end it after the delivery under way, a second one at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    return await feed(stream, target, stop, advance)
