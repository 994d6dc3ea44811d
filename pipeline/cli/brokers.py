"""What commands that talk to Kafka share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec import Meta

from pipeline.diagnostics import Problem
from pipeline.kafka.connection import BrokerError, Connection, Sasl, Tls, Topic, address, check
from pipeline.yaml import validate


class _Security(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tls: Tls | None = None
    sasl: Sasl | None = None


def topic_name(text: str) -> str:
    """The option --topic. Raises typer.BadParameter."""
    try:
        found: str = msgspec.convert(text, Annotated[Topic, Meta(min_length=1)])
    except msgspec.ValidationError:
        raise typer.BadParameter(f'"{text}" is not the name of a topic') from None
    return found


def connection(brokers: str, security: Path | None) -> Connection:
    """Brokers separated by commas, and a YAML file with `tls` and `sasl`.

    Relative file names stand beside that file. Raises BrokerError for a broker that is not
    host:port, and ConfigError for a file that cannot be used.
    """
    listed = tuple(brokers.split(","))
    for broker in listed:
        try:
            address(broker)
        except ValueError as error:
            raise BrokerError(str(error)) from error
    folder = security.parent if security else Path()

    def problems(found: _Security) -> Iterator[Problem]:
        return check(found.tls, found.sasl, folder)

    found = validate.read(security, _Security, problems) if security else _Security()
    return Connection(
        brokers=listed,
        tls=found.tls,
        sasl=found.sasl,
        folder=str(folder) if security else "",
    )
