"""What running workers know, asked over HTTP, and what they have counted, merged.

Of a group, each has counted its own partitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec
import polars as pl

from pipeline.api.schema import Explanation, Failure, FamilySeries, Inventory, Totals
from pipeline.stage import Family, Kind
from pipeline.state.series_table import columns, merged


class RemoteError(Exception):
    """A worker does not answer, or the answers of several make no whole; the message says why."""


_Form = TypeVar("_Form")
_LARGEST = 1 << 30
"""Bytes of an answer that are read: the totals of some millions of series."""


def ask(server: str) -> Totals:
    """The exact totals of one worker. Raises RemoteError."""
    return _get(server, "totals", Totals)


def who(server: str, address: str, at: int | None) -> Explanation:
    """What a worker knows about an address (at a time, ms). Raises RemoteError."""
    moment = {} if at is None else {"at": str(at)}
    return _get(server, "who", Explanation, {"address": address, **moment})


def inventory(server: str) -> Inventory:
    """The Kubernetes objects that a worker knows. Raises RemoteError."""
    return _get(server, "inventory", Inventory)


def _get(
    server: str, name: str, form: type[_Form], query: Mapping[str, str] | None = None
) -> _Form:
    url = f"{server.rstrip('/')}/api/v0/{name}"
    if not url.startswith(("http://", "https://")):
        raise RemoteError(f'"{server}" is not a URL: http://HOST:PORT')
    try:
        asked = f"{url}?{urlencode(query)}" if query else url
        with urlopen(asked, timeout=30) as page:  # noqa: S310 - the scheme is checked above
            return msgspec.json.decode(_whole(page.read(_LARGEST + 1)), type=form)
    except HTTPError as error:
        raise RemoteError(f"cannot ask {url}: {_told(error)}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise RemoteError(f"cannot ask {url}: {getattr(error, 'reason', error)}") from error


def _whole(answer: bytes) -> bytes:
    if len(answer) > _LARGEST:
        raise ValueError(f"its answer is longer than {_LARGEST >> 20} MB")
    return answer


def _told(error: HTTPError) -> str:
    """What a worker says about why it does not answer."""
    with error:
        try:
            return msgspec.json.decode(error.read(), type=Failure).error
        except msgspec.MsgspecError:
            return str(error)


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
        for document in totals.families:
            family = document.family
            if family.kind is kind:
                first, held, frames = found.setdefault(family.name, (server, family, []))
                if held.shape != family.shape:
                    raise RemoteError(f"{first} and {server} count {family.name} in different ways")
                frames.append(_frame(document))
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
    missing = [(t, n) for t, size in sizes.items() for n in range(size) if (t, n) not in owners]
    if missing:
        topic, numbers = missing[0][0], ", ".join(str(n) for t, n in missing if t == missing[0][0])
        raise RemoteError(
            f"nobody answers for partition {numbers} of {topic}: give --server for every worker, "
            "or ask again when partitions have moved"
        )


def _frame(document: FamilySeries) -> pl.DataFrame:
    family = document.family
    schema = {**dict.fromkeys(family.labels, pl.String()), **columns(family)}
    strange = f"the series of {family.name} are not those of a worker"
    if list(document.columns) != list(schema):
        raise RemoteError(f"{strange}: their columns are {', '.join(document.columns)}")
    try:
        return pl.DataFrame(document.rows, schema=schema, orient="row")
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise RemoteError(f"{strange}: {error}") from error


def _as_one(family: Family, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of several workers, a series once."""
    if len(frames) == 1:
        return frames[0]
    return merged(family, pl.concat(frames), family.labels)
