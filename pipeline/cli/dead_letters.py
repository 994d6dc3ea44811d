"""`dead-letters`: what could not be used, from its topic."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pipeline.cli.app import app, fail, refuse, show
from pipeline.cli.brokers import connection, topic_name
from pipeline.diagnostics import ConfigError
from pipeline.kafka.connection import BrokerError


@app.command("dead-letters")
def dead_letters(
    topic: Annotated[
        str, typer.Option(metavar="T", help="The topic of the dead letters.", callback=topic_name)
    ],
    bootstrap: Annotated[
        str, typer.Option(metavar="HOST:PORT,...", help="Brokers.")
    ] = "localhost:9092",
    replay: Annotated[
        bool, typer.Option("--replay", help="Send each back to where it came from, once.")
    ] = False,
    security: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML with tls and sasl, as in a pipeline file."),
    ] = None,
) -> None:
    """Print the dead letters of a topic as JSON lines, up to its end.

    Each has the stage that could not use it, the reason, the topic, partition and offset it came
    from, and its payload (payload_b64 where it is no text). With --replay, messages go back to
    their topics, for workers that can use them now; nothing is sent back twice. Exit 1 when there
    is none.
    """
    from pipeline.dead_letters.reader import DlqReader  # noqa: PLC0415 - slow, for Kafka alone

    async def run() -> int:
        reader = DlqReader(connection(bootstrap, security), topic)
        if replay:
            typer.echo(f"{await reader.replay():,} messages sent back")
            return 0
        found = 0
        async for letter in reader.read():
            write(letter.line())
            found += 1
        return found

    write = show if sys.stdout.isatty() else typer.echo  # a terminal acts on what is in a text
    try:
        found = asyncio.run(run())
    except ConfigError as error:
        refuse(error)
    except (BrokerError, OSError, msgspec.MsgspecError) as error:
        fail(error)
    if not found and not replay:
        fail(f'there are no dead letters in topic "{topic}"')
