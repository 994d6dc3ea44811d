"""What running workers know, asked over HTTP, and what they have counted, merged.

Of a group, each has counted its own partitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import polars as pl

from pipeline.api.remote import PATIENCE, RemoteError, fetch
from pipeline.api.schema import Explanation, FamilySeries, Inventory, Totals
from pipeline.api.url import require_url
from pipeline.kube.inventory.export import Manifest
from pipeline.stage import Family, Kind
from pipeline.state.series_rows import TIMES, columns, merged


class _Metadata(msgspec.Struct):
    name: str
    namespace: str = ""


class _Manifest(msgspec.Struct, rename={"api_version": "apiVersion"}):
    """What every object of Kubernetes has."""

    api_version: str
    kind: str
    metadata: _Metadata


_NAMED = 20
"""Partitions that an error names."""
_Form = TypeVar("_Form")
_LARGEST = 1 << 30
"""Bytes of an answer that are read: the totals of some millions of series."""
_LAST, _BEYOND = 253_402_300_800.0, 2.0**100
"""No time is later (the year 10000, epoch seconds), and no worker counts further."""


def ask(server: str) -> Totals:
    """The exact totals of one worker. Raises RemoteError."""
    return document(server, "totals", Totals)


def who(server: str, address: str, at: int | None) -> Explanation:
    """What a worker knows about an address (at a time, ms). Raises RemoteError."""
    moment = {} if at is None else {"at": str(at)}
    return document(server, "who", Explanation, {"address": address, **moment})


def inventory(server: str) -> Inventory:
    """The Kubernetes objects that a worker knows. Raises RemoteError."""
    found = document(server, "inventory", Inventory)
    for number, item in enumerate(found.items):
        _require_manifest(server, item, f"item {number} of its answer")
    return found


def labels(server: str) -> Manifest:
    """All subnet labels of a worker, as a FlowCollector. Raises RemoteError."""
    found = document(server, "labels", dict[str, Any])
    _require_manifest(server, found, "its answer")
    return found


def _require_manifest(server: str, item: Manifest, called: str) -> None:
    try:
        msgspec.convert(item, _Manifest)
    except msgspec.ValidationError as error:
        why = f"{called} is not an object of Kubernetes: {error}"
        raise RemoteError(f"cannot ask {server}: {why}") from error


def document(
    server: str,
    name: str,
    form: type[_Form],
    query: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> _Form:
    """A document of a worker that has come in `patience` seconds. Raises RemoteError."""
    try:
        require_url(server)
    except ValueError as error:
        raise RemoteError(str(error)) from None
    url = f"{server.rstrip('/')}/api/v0/{name}"
    body = fetch(f"{url}?{urlencode(query)}" if query else url, _LARGEST, patience, told=url)
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteError(f"cannot ask {url}: {error}") from error


def counters(answers: Mapping[str, Totals]) -> dict[str, pl.DataFrame]:
    """The counters over all answers (by server): labels, VALUE, then TIMES.

    Raises RemoteError when two workers answer for one partition, or nobody for one, and when they
    count in different ways.
    """
    return _merged(answers, Kind.COUNTER)


def facts(answers: Mapping[str, Totals]) -> dict[str, pl.DataFrame]:
    """The families of facts over all answers (by server): labels, the facts, then TIMES.

    Raises RemoteError as `counters` does.
    """
    return _merged(answers, None)


def _merged(answers: Mapping[str, Totals], kind: Kind | None) -> dict[str, pl.DataFrame]:
    _check_whole(answers)
    found: dict[str, tuple[str, Family, list[pl.DataFrame]]] = {}
    for server, totals in answers.items():
        for series in totals.families:
            family = series.family
            if family.kind is kind:
                first, held, frames = found.setdefault(family.name, (server, family, []))
                if held.shape != family.shape:
                    raise RemoteError(f"{first} and {server} count {family.name} in different ways")
                frames.append(_frame(series))
    return {name: _as_one(family, frames) for name, (_, family, frames) in found.items()}


def _check_whole(answers: Mapping[str, Totals]) -> None:
    owners: dict[tuple[str, int], str] = {}
    for server, totals in answers.items():
        for place in totals.partitions:
            where = place.topic, place.partition
            if where in owners:
                raise RemoteError(
                    f"{owners[where]} and {server} both answer for partition {place.partition} of "
                    f"{place.topic}: partitions are moving, ask again"
                )
            owners[where] = server
    sizes = {topic: n for totals in answers.values() for topic, n in totals.topics.items()}
    for topic, size in sizes.items():
        unowned = (number for number in range(size) if (topic, number) not in owners)
        missing = list(islice(unowned, _NAMED + 1))
        if missing:
            numbers = ", ".join(map(str, missing[:_NAMED])) + ", ..." * (len(missing) > _NAMED)
            raise RemoteError(
                f"nobody answers for partition {numbers} of {topic}: give --server for every "
                "worker, or ask again when partitions have moved"
            )


def _frame(series: FamilySeries) -> pl.DataFrame:
    family = series.family
    schema = {**dict.fromkeys(family.labels, pl.String()), **columns(family)}
    strange = f"the series of {family.name} are not those of a worker"
    if list(series.columns) != list(schema):
        raise RemoteError(f"{strange}: their columns are {', '.join(series.columns)}")
    try:
        frame = pl.DataFrame(series.rows, schema=schema, orient="row")
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise RemoteError(f"{strange}: {error}") from error
    numbers = frame.select(pl.selectors.numeric().cast(pl.Float64).abs().max())
    for name, most in zip(numbers.columns, numbers.row(0) if numbers.width else (), strict=True):
        limit = _LAST if name in TIMES else _BEYOND
        if most is not None and not most < limit:
            raise RemoteError(f"{strange}: one has {name} {most}")
    return frame


def _as_one(family: Family, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of several workers, a series once."""
    if len(frames) == 1:
        return frames[0]
    return merged(family, pl.concat(frames), family.labels)
