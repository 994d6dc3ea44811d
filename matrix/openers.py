"""Who began first, where the flags of both ends read as if they had opened the connection."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from matrix.places import CLIENT, OTHER, PLACE, PROVEN, ROW, SERVER, THEIR_PORT

BEGAN = "began"
_FACING, _THEIRS = ":facing", ":theirs"
_MIRRORED = {"client": "server", "server": "client"}
_ROUNDS = 8
_NEVER = 2**62
"""After all that began: the bits of a reply do not prove that something was opened."""


class Openers(NamedTuple):
    """Numbers (ROW) of rows of TCP whose flags are told by their beginnings.

    `first`: those whose client began first. `replies`: those that began when they were answered, so
    that the server is at the other end. `proven`: those with flags that only one end sends.
    `confirmed`: those of both directions of which the client's began first. What began in the same
    millisecond is in none of these.
    """

    first: pl.Series
    replies: pl.Series
    proven: pl.Series
    confirmed: pl.Series


def openers(rows: pl.DataFrame) -> Openers:
    """The rows (`placed`) that are told by who began first, as one agent has seen it.

    Of rows that face each other, on the same two ports, the one that began first has opened. What
    faces it is its reply, and tells nothing of others that it may face.
    """
    told = rows.filter(
        pl.col("evidence").is_in(PROVEN[:2]),
        pl.col("protocol") == "TCP",
        pl.col(BEGAN).is_not_null(),
    )
    accepted = (pl.col("evidence") == PROVEN[1]) & (pl.col(BEGAN) == 0)
    told = told.with_columns(
        pl.when(accepted.any().over(CLIENT, *PLACE)).then(0).otherwise(BEGAN).alias(BEGAN)
    )
    opening, answering = (told.filter(pl.col("evidence") == one) for one in PROVEN[:2])
    both = opening.join(answering, on=[CLIENT, *PLACE, "reporter"])
    other, their_port = (pl.col(f"{name}_right") for name in (BEGAN, THEIR_PORT))
    numbers = pl.concat_list(ROW, f"{ROW}_right").explode()
    turned = both.filter(other < pl.col(BEGAN), pl.col(THEIR_PORT) == their_port)
    around = turned.select(numbers).to_series().unique()
    confirmed = both.filter(pl.col(BEGAN) < other).select(numbers).to_series().unique()
    answer = (pl.col("evidence") == PROVEN[1]) & (pl.col(BEGAN) > 0)
    claims = told.filter(~pl.col(ROW).is_in(around.implode())).with_columns(
        pl.when(pl.col(ROW).is_in(confirmed.implode()))
        .then(0)
        .when(answer)
        .then(_NEVER)
        .otherwise(BEGAN)
        .alias(BEGAN)
    )
    first, replies = _by_beginning(_facing(claims))
    proven = told.filter(pl.col(BEGAN) == 0)[ROW]
    known = pl.concat([proven, confirmed])
    return Openers(
        first.filter(~first.is_in(known.implode())),
        pl.concat([replies, around]),
        proven,
        confirmed,
    )


def places(rows: pl.DataFrame, found: Openers) -> pl.DataFrame:
    """The places (PLACE) that are a server's by who began first."""
    first = rows.filter(pl.col(ROW).is_in(found.first.implode())).select(PLACE)
    replies = rows.filter(pl.col(ROW).is_in(found.replies.implode())).drop_nulls(THEIR_PORT)
    names = dict(zip(OTHER, PLACE, strict=True))
    return pl.concat([first, replies.select(OTHER).rename(names)]).unique()


def _facing(claims: pl.DataFrame) -> pl.DataFrame:
    """Rows and those that face them: ROW, BEGAN, _FACING and _THEIRS (its BEGAN), both ways.

    A row has the least and the largest port of its client: one that is the other's port, and whose
    own port is among those of the other's clients, faces it.
    """
    ends = {CLIENT: SERVER, SERVER: CLIENT}
    other = claims.select(
        *(pl.col(theirs).alias(own) for own, theirs in ends.items()),
        pl.col("port").alias(":to"),
        pl.col("port").cast(pl.Int64).alias(":port"),
        pl.col("reporter").replace(_MIRRORED),
        pl.col("client_port_min").alias(":low"),
        pl.col("client_port_max").alias(":high"),
        pl.col(ROW).alias(_FACING),
        pl.col(BEGAN).alias(_THEIRS),
    )
    found = []
    for end in ("client_port_min", "client_port_max"):
        named = claims.with_columns(pl.col(end).alias(":port"))
        both = named.join(other, on=[CLIENT, SERVER, ":port", "reporter"])
        apart = pl.col("port") != pl.col(":to")
        faces = both.filter(apart, pl.col("port").is_between(":low", ":high"))
        found.append(faces.select(ROW, BEGAN, _FACING, _THEIRS))
    one_way = pl.concat(found)
    names = {ROW: _FACING, BEGAN: _THEIRS, _FACING: ROW, _THEIRS: BEGAN}
    return pl.concat([one_way, one_way.rename(names).select(one_way.columns)]).unique()


def _by_beginning(facing: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """The rows that began before those that face them, and the replies to these."""
    first, replies = [facing[ROW].clear()], [facing[ROW].clear()]
    before = pl.col(BEGAN) < pl.col(_THEIRS)
    for _ in range(_ROUNDS):
        ahead = (pl.col(BEGAN) <= pl.col(_THEIRS)).all() & before.any()
        won = facing.group_by(ROW).agg(ahead.alias(BEGAN)).filter(BEGAN)[ROW]
        if won.is_empty():
            break
        lost = facing.filter(pl.col(ROW).is_in(won.implode()))[_FACING].unique()
        told = pl.concat([won, lost]).implode()
        rest = facing.filter(~pl.col(ROW).is_in(told))
        left = rest.filter(~pl.col(_FACING).is_in(told))
        alone = rest.join(left, on=ROW, how="anti")[ROW].unique()
        first += [won, alone]
        replies.append(lost)
        facing = left
    return pl.concat(first), pl.concat(replies)
