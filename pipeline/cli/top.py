"""`top`: what workers are doing, as a live table."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.api.remote import RemoteError, fetch
from pipeline.cli.app import app, fail
from pipeline.cli.screen import Column, fitting
from pipeline.cli.server_options import urls
from pipeline.diagnostics import printable
from pipeline.exposition.scrape import Partition, Scrape, Stage, parse, partitions, stages

_WIDE = 200
_LIVE, _ONCE, _PERIOD = 1.0, 5.0, 10.0
"""Seconds between two looks, and the period over which rates are taken."""
_LARGEST, _PATIENCE = 1 << 26, 20.0
"""Bytes of a page that are read, with metrics of 100,000s of series on it; and seconds."""

_PARTITIONS = (
    *(Column("topic", text=True), Column("partition"), Column("offset", rank=1), Column("lag")),
    *(Column("flows/s"), Column("rejected"), Column("checkpoint", rank=3)),
    Column("worker", text=True, rank=2),
)
_STAGES = (
    *(Column("stage", text=True), Column("flows in"), Column("flows out", rank=1)),
    *(Column("filtered", rank=2), Column("rejected"), Column("flows/s")),
    Column("us a flow", rank=3),
)


@app.command()
def top(
    server: Annotated[
        list[str],
        typer.Option(metavar="URL", help="A worker; again for each of them.", callback=urls),
    ],
    once: Annotated[bool, typer.Option("--once", help="One look, no live table.")] = False,
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="S", min=0.1, max=86_400, help="Seconds between two looks: 1, with --once 5."
        ),
    ] = None,
) -> None:
    """Show the progress of running workers, from their /metrics.

    Per partition: offset, lag, flows a second, rejected messages and the age of its checkpoint.
    Per stage, over all workers: flows in and out, and the time a flow takes. Rates are those of the
    last 10 seconds, as offsets rise with each checkpoint only.
    """
    before, failed = _look(server)
    if once:
        time.sleep(interval or _ONCE)
        after, failed = _look(server)
        console = Console()
        # a pipe has no width to keep to
        width = console.width if console.is_terminal else _WIDE
        Console(width=width).print(_page(before, after, [], width))
        if failed:
            fail("; ".join(failed))
        return
    looks = deque([(time.monotonic(), before)])
    with Live(screen=True, auto_refresh=False) as live, suppress(KeyboardInterrupt):
        while True:
            after, now = looks[-1][1], looks[-1][0]
            while len(looks) > 1 and looks[1][0] <= now - _PERIOD:
                looks.popleft()
            page = _page(looks[0][1], after, failed, live.console.width)
            live.update(page, refresh=True)
            time.sleep(interval or _LIVE)
            after, failed = _look(server)
            looks.append((time.monotonic(), after))


def _look(servers: list[str]) -> tuple[list[Scrape], list[str]]:
    """What the workers show, and why some do not."""
    with ThreadPoolExecutor(len(servers)) as pool:
        answers = list(pool.map(_scrape, servers))
    scrapes = [answer for answer in answers if isinstance(answer, Scrape)]
    return scrapes, [answer for answer in answers if isinstance(answer, str)]


def _scrape(server: str) -> Scrape | str:
    url = f"{server.rstrip('/')}/metrics"
    try:
        page = fetch(url, _LARGEST, _PATIENCE)
    except RemoteError as error:
        return str(error)
    try:
        return parse(server, time.monotonic(), page.decode())
    except ValueError as error:
        return f"cannot ask {url}: {error}"


def _page(
    before: list[Scrape], after: list[Scrape], failed: list[str], width: int
) -> RenderableType:
    parts: list[RenderableType] = []
    if held := partitions(before, after):
        parts += [_partitions(held, width), ""]
    parts.append(_stages(stages(before, after), width))
    return Group(*parts, *(Text(printable(reason)) for reason in failed))


def _partitions(rows: list[Partition], width: int) -> Table:
    cells = [
        (
            *(row.topic, str(row.partition), f"{row.offset:,}", f"{row.lag:,}"),
            *(f"{row.flows_per_second:,.0f}", f"{row.rejected:,}", f"{row.age:.1f} s ago"),
            row.worker.partition("//")[2],
        )
        for row in rows
    ]
    rate, lag = sum(row.flows_per_second for row in rows), sum(row.lag for row in rows)
    rejected = sum(row.rejected for row in rows)
    total = ("all", str(len(rows)), "", f"{lag:,}", f"{rate:,.0f}", f"{rejected:,}", "", "")
    return fitting(_PARTITIONS, [*cells, total], width)


def _stages(rows: list[Stage], width: int) -> Table:
    cells = [
        (
            *(row.name, f"{row.flows_in:,}", f"{row.flows_out:,}", f"{row.filtered:,}"),
            *(f"{row.rejected:,}", f"{row.flows_per_second:,.0f}"),
            "" if row.micros is None else f"{row.micros:.2f}",
        )
        for row in rows
    ]
    return fitting(_STAGES, cells, width)
