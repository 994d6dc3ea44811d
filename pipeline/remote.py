"""What running workers have counted, asked over HTTP and merged: each has its partitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
import polars as pl

from pipeline.ledger import FIRST_SEEN, LAST_SEEN
from pipeline.stage import VALUE, Family, Kind


class Place(msgspec.Struct, frozen=True):
    """An input partition, and up to which offset it is counted."""

    topic: str
    partition: int
    position: int


class _Document(msgspec.Struct, frozen=True):
    family: Family
    columns: list[str]
    rows: list[list[str | float]]


class Totals(msgspec.Struct, frozen=True):
    """A worker's answer. `topics` says how many partitions there are of each."""

    partitions: list[Place]
    topics: dict[str, int]
    families: list[_Document]


class RemoteError(Exception):
    """The workers' answers make no whole; the message says why."""


def ask(server: str) -> Totals:
    """The exact totals of one worker. Raises RemoteError."""
    url = f"{server.rstrip('/')}/api/v0/totals"
    if not url.startswith(("http://", "https://")):
        raise RemoteError(f'"{server}" is no URL: http://HOST:PORT')
    try:
        with urlopen(url, timeout=30) as page:  # noqa: S310 - the scheme is checked above
            return msgspec.json.decode(page.read(), type=Totals)
    except (URLError, TimeoutError, msgspec.MsgspecError) as error:
        raise RemoteError(f"cannot ask {url}: {getattr(error, 'reason', error)}") from error


def counters(answers: Mapping[str, Totals]) -> dict[str, pl.DataFrame]:
    """The counters over all answers (by server): labels, VALUE, FIRST_SEEN, LAST_SEEN.

    Raises RemoteError when two workers answer for one partition, or nobody for one.
    """
    _check_whole(answers)
    found: dict[str, list[pl.DataFrame]] = {}
    for totals in answers.values():
        for document in totals.families:
            if document.family.kind is Kind.COUNTER:
                found.setdefault(document.family.name, []).append(_frame(document))
    return {name: _summed(frames) for name, frames in found.items()}


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


def _frame(document: _Document) -> pl.DataFrame:
    numbers = dict.fromkeys((VALUE, FIRST_SEEN, LAST_SEEN), pl.Float64())
    schema = {column: numbers.get(column, pl.String()) for column in document.columns}
    return pl.DataFrame(document.rows, schema=schema, orient="row")


def _summed(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    labels = [c for c in frames[0].columns if c not in (VALUE, FIRST_SEEN, LAST_SEEN)]
    merge: Iterable[pl.Expr] = (
        pl.col(VALUE).sum(),
        pl.col(FIRST_SEEN).min(),
        pl.col(LAST_SEEN).max(),
    )
    rows = pl.concat(frames)
    if len(frames) == 1:
        return rows
    if not labels:
        return rows.select(merge)
    return rows.group_by(labels, maintain_order=True).agg(merge)
