"""An approved matrix brought up to date, edge by edge, as somebody decides on its drift."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

from matrix.approved import KEY as COLUMNS
from matrix.approved import Approved, ApprovedEdge, Drift, Key, drift, key, present, unnamed
from matrix.edges import PROTOCOL

_LAST_PORT = 65_535
_SHOWN = 300
"""Characters of what an end is called that a message repeats."""


class UnknownEdgeError(LookupError):
    """An edge is neither approved nor seen; the message names it."""


def key_of(values: Sequence[str | int | None]) -> Key:
    """The key of an edge from the values of the columns `matrix.approved.KEY`. Raises ValueError.

    >>> key_of(["Pod", "shop", "web", "", "", "", "", "", "EXT:S3", "", "TCP", 443])[1]
    443
    """
    texts, port = values[:-1], values[-1] if values else None
    named = len(values) == len(COLUMNS) and all(isinstance(text, str) for text in texts)
    if not named or isinstance(port, str) or not 0 <= (port or 0) <= _LAST_PORT:
        why = f"a port is a number up to {_LAST_PORT}, or null"
        raise ValueError(f"an edge is the list of {', '.join(COLUMNS)}; {why}")
    return tuple(map(str, texts)), -1 if port is None else port


def accept(approved: Approved, edges: pl.DataFrame, chosen: Iterable[Key]) -> Approved:
    """The approved matrix with these edges as they are now: those that are gone leave it.

    Raises UnknownEdgeError.
    """
    now, found = present(edges, approved.namespaces), _by_key(approved)
    for place in chosen:
        if place in now:
            found[place] = now[place]
        elif place in found:
            del found[place]
        else:
            raise UnknownEdgeError(_unknown(place))
    return _with(approved, found)


def accept_all(approved: Approved, edges: pl.DataFrame, namespace: str = "") -> Approved:
    """The approved matrix without any drift but for the edges that are marked as anomalous.

    And for those of a protocol that is not one, which cannot be approved. With a `namespace`, the
    edges without an end in it stay as they are.
    """
    odd = pl.col("protocol").is_in(unnamed(edges, approved.namespaces))
    rows = ending_in(drift(edges, approved), namespace)
    rows = rows.filter(pl.col("drift") != Drift.ANOMALOUS.value, ~odd)
    return accept(approved, edges, [key_of(row) for row in rows.select(COLUMNS).iter_rows()])


def mark(
    approved: Approved, edges: pl.DataFrame, chosen: Iterable[Key], *, anomalous: bool
) -> Approved:
    """The approved matrix with these edges marked as anomalous, or not any more.

    An edge that it does not have is added. Raises UnknownEdgeError.
    """
    now, found = present(edges, approved.namespaces), _by_key(approved)
    for place in chosen:
        edge = found.get(place) or now.get(place)
        if edge is None:
            raise UnknownEdgeError(_unknown(place))
        found[place] = msgspec.structs.replace(edge, anomalous=anomalous)
    return _with(approved, found)


def ending_in(rows: pl.DataFrame, namespace: str) -> pl.DataFrame:
    """The rows (of KEY) with an end in a namespace; all of them for ""."""
    ends = [pl.col(f"{side}_namespace") == namespace for side in ("client", "server")]
    return rows.filter(pl.any_horizontal(ends)) if namespace else rows


def _by_key(approved: Approved) -> dict[Key, ApprovedEdge]:
    return {key(edge): edge for edge in approved.edges}


def _with(approved: Approved, found: dict[Key, ApprovedEdge]) -> Approved:
    edges = [found[place] for place in sorted(found)]
    return msgspec.structs.replace(approved, edges=edges)


def _unknown(place: Key) -> str:
    (*ends, protocol), port = place
    client, server = ("/".join(filter(None, part))[:_SHOWN] for part in (ends[1:5], ends[6:]))
    at = protocol[:_SHOWN] if port < 0 else f"{port}/{protocol[:_SHOWN]}"
    if not re.search(PROTOCOL, protocol):
        return f'{client} -> {server} cannot be approved: "{protocol[:_SHOWN]}" is not a protocol'
    return f"{client} -> {server} {at} is neither approved nor seen any more: look again"
