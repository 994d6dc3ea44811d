"""What running workers tell the page of a group: their health, and their latest flows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from threading import Lock
from typing import Any, TypeVar

import msgspec
import polars as pl

from page import overview, recent
from page.health import HealthPage, WorkerHealth
from page.query import refused
from page.recent import MOST, Asked, FlowsPage
from pipeline.api import client
from pipeline.api.remote import RemoteError
from pipeline.decode.json import decoder
from pipeline.stage import BuildContext

T = TypeVar("T")
_AT_ONCE = 8
_AGAIN = 10.0
"""Seconds for which the latest flows of all are kept: who writes a metric tries it again and again.
"""
_PATIENCE = 10.0
"""Seconds for the answer of a worker: the others are shown without it then."""
_NO_TABLE = "cannot ask {}/api/v0/flows: its columns are not as long as its flows are many"


class Workers:
    """The workers at these URLs. One that does not answer is named, and the others are shown."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = servers
        self._decode = decoder(BuildContext())
        self._lock = Lock()
        self._latest = pl.DataFrame()
        self._next = 0.0

    def health(self, _: Mapping[str, str]) -> HealthPage:
        """The health of all that answer with it; a worker without a page has none to tell."""

        def ask(server: str) -> list[WorkerHealth]:
            try:
                found = client.document(server, "health", HealthPage, patience=_PATIENCE).workers
            except RemoteError as error:
                return [WorkerHealth(worker=server, reason=str(error))]
            return [msgspec.structs.replace(one, worker=server) for one in found]

        return HealthPage([one for found in self._each(ask) for one in found])

    def flows(self, asked: Asked) -> FlowsPage:
        """The latest flows of all, the newest first, by the time when they were seen.

        Raises UnansweredError when nobody answers, and for a query that is not valid.
        """
        recent.condition(asked)
        query = _texts(msgspec.structs.replace(asked, edges=MOST))

        def ask(server: str) -> FlowsPage | str:
            try:
                page = client.document(server, "flows", FlowsPage, query, _PATIENCE)
                return page if _is_whole(page) else _NO_TABLE.format(server)
            except RemoteError as error:
                return str(error)

        answers = self._each(ask)
        notes = [one for one in answers if isinstance(one, str)]
        found = [one for one in answers if isinstance(one, FlowsPage)]
        if not found:
            raise refused("; ".join(notes), HTTPStatus.BAD_GATEWAY)
        return _merged(found, asked, notes)

    def frame(self) -> pl.DataFrame:
        """The latest flows of all with all of their fields, some thousands of each worker.

        They are asked again after some seconds. Raises UnansweredError when one does not answer.
        """
        with self._lock:
            if time.monotonic() >= self._next:
                self._latest = self._decoded([row for some in self._each(_whole) for row in some])
                self._next = time.monotonic() + _AGAIN
            return self._latest

    def _decoded(self, rows: list[dict[str, Any]]) -> pl.DataFrame:
        """Flows of JSON as a stage gets them."""
        return self._decode([msgspec.json.encode(row) for row in rows]).flows

    def _each(self, ask: Callable[[str], T]) -> list[T]:
        """What each worker answers, in their order; all are asked at once."""
        with ThreadPoolExecutor(min(_AT_ONCE, len(self._servers))) as pool:
            return list(pool.map(ask, self._servers))


def _whole(server: str) -> list[dict[str, Any]]:
    """The latest flows of a worker, the newest last. Raises UnansweredError."""
    few = Asked(limit=0, edges=0)
    try:
        fields = ",".join(client.document(server, "flows", FlowsPage, _texts(few)).fields)
        asked = msgspec.structs.replace(few, limit=MOST, columns=fields)
        found = client.document(server, "flows", FlowsPage, _texts(asked)) if fields else None
    except RemoteError as error:
        raise refused(str(error), HTTPStatus.BAD_GATEWAY) from error
    columns, values = (found.columns, found.values) if found else ([], [])
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
    return [{name: one for name, one in row.items() if one is not None} for row in reversed(rows)]


def _merged(found: Sequence[FlowsPage], asked: Asked, notes: list[str]) -> FlowsPage:
    columns = list(dict.fromkeys(name for one in found for name in one.columns))
    edges = overview.merged(one.edges for one in found)
    rows = [row for one in found for row in _rows(one, columns)]
    rows.sort(key=lambda row: row[0], reverse=True)
    newest = rows[: asked.limit]
    return FlowsPage(
        held=sum(one.held for one in found),
        total=sum(one.total for one in found),
        fields=list(dict.fromkeys(name for one in found for name in one.fields)),
        columns=columns,
        values=[[row[1][place] for row in newest] for place in range(len(columns))],
        times=[row[0] or None for row in newest],
        edges=edges[: asked.edges],
        all_edges=len(edges),
        whole=all(one.whole for one in found),
        notes=[*notes, *(note for one in found for note in one.notes)],
    )


def _is_whole(one: FlowsPage) -> bool:
    """Whether each column has a value for each flow."""
    sizes = {len(values) for values in one.values}
    return len(one.values) == len(one.columns) and sizes <= {len(one.times)}


def _rows(one: FlowsPage, columns: Sequence[str]) -> list[tuple[float, list[Any]]]:
    """The flows of a worker: when each was seen (0: it does not say), and its values."""
    none = [None] * len(one.times)
    known = dict(zip(one.columns, one.values, strict=True))
    lists = [known.get(name, none) for name in columns]
    return [(time or 0.0, [each[row] for each in lists]) for row, time in enumerate(one.times)]


def _texts(asked: Asked) -> dict[str, str]:
    """A question as the parameters of a URL."""
    found = msgspec.to_builtins(asked)
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in found.items()
        if value != ""
    }
