"""`top`: what workers are doing, as a live table."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Annotated
from urllib.error import URLError
from urllib.request import urlopen

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.cli.app import app, fail
from pipeline.diagnostics import printable
from pipeline.exposition.scrape import Partition, Scrape, Stage, parse, partitions, stages

_WIDE = 200
_LARGEST = 1 << 26
"""Bytes of a page that are read, with metrics of 100,000s of series on it."""


@app.command()
def top(
    server: Annotated[
        list[str], typer.Option(metavar="URL", help="A worker; again for each of them.")
    ],
    once: Annotated[bool, typer.Option("--once", help="One look, no live table.")] = False,
    interval: Annotated[
        float, typer.Option(metavar="S", min=0.1, help="Seconds between two looks.")
    ] = 1.0,
) -> None:
    """Show the progress of running workers, from their /metrics.

    Per partition: offset, lag, flows a second, rejected messages and the age of its checkpoint.
    Per stage, over all workers: flows in and out, and the time a flow takes.
    """
    for url in server:
        if not url.startswith(("http://", "https://")):
            raise typer.BadParameter(f'"{url}" is not a URL: http://HOST:PORT')
    before, failed = _look(server)
    if once:
        time.sleep(interval)
        after, failed = _look(server)
        # a pipe has no width to keep to
        width = None if Console().is_terminal else _WIDE
        Console(width=width).print(_page(before, after, []))
        if failed:
            fail("; ".join(failed))
        return
    with Live(_page(before, before, failed), screen=True, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(interval)
                after, failed = _look(server)
                live.update(_page(before, after, failed), refresh=True)
                before = after
        except KeyboardInterrupt:
            return


def _look(servers: list[str]) -> tuple[list[Scrape], list[str]]:
    """What the workers show, and why some do not."""
    with ThreadPoolExecutor(len(servers)) as pool:
        answers = list(pool.map(_scrape, servers))
    scrapes = [answer for answer in answers if isinstance(answer, Scrape)]
    return scrapes, [answer for answer in answers if isinstance(answer, str)]


def _scrape(server: str) -> Scrape | str:
    url = f"{server.rstrip('/')}/metrics"
    try:
        with urlopen(url, timeout=10) as page:  # noqa: S310 - the scheme is checked above
            return parse(server, time.monotonic(), page.read(_LARGEST).decode())
    except URLError as error:
        return f"cannot ask {url}: {error.reason}"
    except (OSError, HTTPException, ValueError) as error:
        return f"cannot ask {url}: {error}"


def _page(before: list[Scrape], after: list[Scrape], failed: list[str]) -> RenderableType:
    parts: list[RenderableType] = []
    if held := partitions(before, after):
        parts += [_partitions(held), ""]
    parts.append(_stages(stages(before, after)))
    return Group(*parts, *(Text(printable(reason)) for reason in failed))


def _partitions(rows: list[Partition]) -> Table:
    head = ("topic", "partition", "offset", "lag", "flows/s", "rejected", "checkpoint", "worker")
    cells = [
        (
            *(row.topic, str(row.partition), f"{row.offset:,}", f"{row.lag:,}"),
            *(f"{row.flows_per_second:,.0f}", f"{row.rejected:,}", f"{row.age:.1f} s ago"),
            row.worker,
        )
        for row in rows
    ]
    rate, lag = sum(row.flows_per_second for row in rows), sum(row.lag for row in rows)
    rejected = sum(row.rejected for row in rows)
    total = ("all", str(len(rows)), "", f"{lag:,}", f"{rate:,.0f}", f"{rejected:,}", "", "")
    return _table(head, [*cells, total], texts=(0, 7))


def _stages(rows: list[Stage]) -> Table:
    head = ("stage", "flows in", "flows out", "filtered", "rejected", "flows/s", "us a flow")
    cells = [
        (
            *(row.name, f"{row.flows_in:,}", f"{row.flows_out:,}", f"{row.filtered:,}"),
            *(f"{row.rejected:,}", f"{row.flows_per_second:,.0f}"),
            "" if row.micros is None else f"{row.micros:.2f}",
        )
        for row in rows
    ]
    return _table(head, cells, texts=(0,))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], texts: tuple[int, ...]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, title in enumerate(head):
        table.add_column(title, justify="left" if number in texts else "right")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table
