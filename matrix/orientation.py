"""Which end is the server, where the flows alone have not said so.

Where a fact leaves it open, both of its ends are tried: what is known about them as places where a
server is (see `places`), or else that the port is that of a known service. The one with the
stronger evidence is the server, and without any it is uncertain.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from matrix.edges import Evidence
from matrix.ends import key
from matrix.numbers import numbers
from matrix.openers import Openers, openers, places
from matrix.places import (
    CLIENT,
    EVIDENCES,
    FAN,
    OTHER,
    PLACE,
    PROVEN,
    RANK,
    ROW,
    SERVER,
    THEIR_PORT,
    best,
    by_number,
    contested,
    fans,
    is_service,
    placed,
    proven,
    ranked,
    turned,
)
from pipeline.flows import service_ports
from pipeline.stage import edge_facts

_FIRST, _WELL_KNOWN, _FAN_IN, _UNCERTAIN = map(
    EVIDENCES.index,
    (Evidence.FIRST, Evidence.WELL_KNOWN, Evidence.FAN_IN, Evidence.UNCERTAIN),
)
_OWN, _THEIRS, _AHEAD, _REPLY, _SWAPPED = ":own", ":theirs", ":ahead", ":reply", ":swapped"
_PAIRS = {
    **dict(zip(edge_facts.CLIENT, edge_facts.SERVER, strict=True)),
    **{name: f"reply_{name}" for name in ("flows", "bytes", "packets")},
    "syn": "syn_ack",
    "rst": "client_rst",
    "port": THEIR_PORT,
}
_PLACES = {CLIENT: SERVER, "port": THEIR_PORT}
"""What changes places with the ends: of facts, and of rows that are judged."""


def oriented(facts: pl.DataFrame, declared: pl.DataFrame) -> pl.DataFrame:
    """Facts of edges with the server as the server, and the evidence (`Evidence`) for that.

    `declared`: the schema `objects.DECLARED` and a label. Where the ends change places, so do the
    numbers of their directions.
    """
    rows, ports = _in_numbers(placed(facts), declared)
    by_time = openers(rows)
    first = places(rows, by_time)
    theirs = rows[THEIR_PORT]
    rows = rows.with_columns(
        pl.col(ROW).is_in(by_time.replies.implode()).alias(_REPLY),
        pl.lit(value=False).alias(_SWAPPED),
    )
    told = pl.col("evidence").is_in(PROVEN) & ~pl.col(ROW).is_in(_wrong(rows, ports, by_time))
    certain, doubtful = rows.filter(told), rows.filter(~told)
    ranks = ranked(ports, Evidence.DECLARED), ranked(first, Evidence.FIRST)
    known = best([*proven(certain), *ranks])
    decided = _decided(doubtful, known, *fans(doubtful))
    found = decided.filter(pl.col("evidence") == Evidence.FAN_IN)
    known = best([known, ranked(found.select(PLACE), Evidence.FAN_IN)])
    weak = pl.col("evidence") == Evidence.UNCERTAIN
    rest = _decided(decided.filter(weak), known, *fans(decided.clear()))
    others = _of_others(pl.concat([decided.filter(~weak), rest]), ports, first)
    said = pl.concat([certain, others]).sort(ROW)
    found = facts.with_columns(theirs, said["evidence"]).with_columns(_changed(said[_SWAPPED]))
    return found.select(facts.columns)


def _in_numbers(rows: pl.DataFrame, declared: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows (`placed`) and declared ports (PLACE) with numbers of ends in the place of texts."""
    ports = declared.select(key().alias(SERVER), "protocol", "port").unique()
    named = numbers(pl.concat([rows[CLIENT], rows[SERVER], ports[SERVER]]).alias("").to_frame())
    count = rows.height
    return (
        rows.with_columns(named[:count].alias(CLIENT), named[count : 2 * count].alias(SERVER)),
        ports.with_columns(named[2 * count :].alias(SERVER)),
    )


def _wrong(rows: pl.DataFrame, ports: pl.DataFrame, by_time: Openers) -> pl.Expr:
    """The ROW of those whose flags do not say who is the server (a list)."""
    told = pl.concat([by_time.first, by_time.replies])
    tied = rows.filter(~pl.col(ROW).is_in(pl.concat([told, by_time.proven]).implode()))
    by_ports = turned(rows, ports)
    turned_ = by_ports.filter(
        ~by_ports.is_in(pl.concat([by_time.confirmed, by_time.proven]).implode())
    )
    return pl.lit(pl.concat([told, contested(tied), turned_])).implode()


def _decided(
    rows: pl.DataFrame, known: pl.DataFrame, fan: pl.DataFrame, pairs: pl.DataFrame
) -> pl.DataFrame:
    """Rows the right way round, with their evidence."""
    judged = _judged(rows, known, fan, pairs)
    own, theirs, ahead = pl.col(_OWN), pl.col(_THEIRS), pl.col(_AHEAD)
    alike = (own == theirs) & (own < _UNCERTAIN) & (~by_number() | (own == _FAN_IN))
    alike &= pl.col("port").ne_missing(pl.col(THEIR_PORT))
    swap = judged.select((theirs < own) | (alike & (ahead > 0))).to_series()
    rank = pl.when(alike & (ahead == 0)).then(_UNCERTAIN).otherwise(pl.min_horizontal(own, theirs))
    names = {number: evidence.value for number, evidence in enumerate(EVIDENCES)}
    evidence = rank.replace_strict(names, return_dtype=pl.String).alias("evidence")
    swapped = (pl.col(_SWAPPED) != pl.lit(swap)).alias(_SWAPPED)
    turned_ = _turned(_PLACES, swap)
    return judged.with_columns(*turned_, evidence, swapped).select(rows.columns)


def _judged(
    rows: pl.DataFrame, known: pl.DataFrame, fan: pl.DataFrame, pairs: pl.DataFrame
) -> pl.DataFrame:
    """Rows with the ranks of both ends (_OWN, _THEIRS), and how far their fan-in is _AHEAD."""
    names = dict(zip(PLACE, OTHER, strict=True))
    both = rows
    for table, value in ((known, RANK), (fan, FAN)):
        other = table.rename(names | {value: f"{value}_theirs"})
        both = both.join(table, on=PLACE, how="left", nulls_equal=True)
        both = both.join(other, on=OTHER, how="left", nulls_equal=True)
    pair = pairs.rename({FAN: ":pair"})
    both = both.join(pair, on=[*OTHER, SERVER], how="left", nulls_equal=True)
    own_fan = pl.col(FAN).fill_null(0).cast(pl.Int64)
    their_fan = pl.max_horizontal(":pair", f"{FAN}_theirs").fill_null(0)
    own = _rank(RANK, "port", own_fan)
    own = pl.when(pl.col(_REPLY) & (own > _FIRST)).then(_UNCERTAIN).otherwise(own)
    theirs = _rank(f"{RANK}_theirs", THEIR_PORT, their_fan)
    # A client whose ports begin low now and then has that of a service.
    chance = (pl.col("port") >= service_ports.PRIVILEGED) & (own_fan < 2)
    chance &= (own == _WELL_KNOWN) & (theirs == _FAN_IN)
    return both.with_columns(
        pl.when(chance).then(_UNCERTAIN).otherwise(own).alias(_OWN),
        theirs.alias(_THEIRS),
        (their_fan.cast(pl.Int64) - own_fan).alias(_AHEAD),
    )


def _rank(known: str, port: str, fan: pl.Expr) -> pl.Expr:
    """The rank of the best evidence that a port is the server's."""
    return pl.min_horizontal(
        pl.col(known),
        pl.when(is_service(port)).then(_WELL_KNOWN),
        pl.when(fan >= 2).then(_FAN_IN),
        _UNCERTAIN,
    )


def _changed(swap: pl.Series) -> list[pl.Expr]:
    """The columns of facts that are of both ends, the other way round where `swap` says so."""
    reporter = pl.col("reporter").replace({"client": "server", "server": "client"})
    reported = pl.when(pl.lit(swap)).then(reporter).otherwise("reporter")
    return [*_turned(_PAIRS, swap), reported.alias("reporter")]


def _turned(pairs: Mapping[str, str], swap: pl.Series) -> list[pl.Expr]:
    """The columns of pairs, in each other's place where `swap` says so."""
    both = {**pairs, **{theirs: own for own, theirs in pairs.items()}}
    condition = pl.lit(swap)
    return [pl.when(condition).then(b).otherwise(a).alias(a) for a, b in both.items()]


def _of_others(rows: pl.DataFrame, ports: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """Rows in which the connections of other clients do not count as a SYN of their own.

    That others connect to the port is fan-in, unless there is better evidence.
    """
    both = rows
    for table, name in ((ports, ":declared"), (first, ":first")):
        known = table.select(*PLACE, pl.lit(value=True).alias(name))
        both = both.join(known, on=PLACE, how="left")
    instead = (
        pl.when(":declared")
        .then(pl.lit(Evidence.DECLARED))
        .when(":first")
        .then(pl.lit(Evidence.FIRST))
        .when(is_service("port"))
        .then(pl.lit(Evidence.WELL_KNOWN))
        .otherwise(pl.lit(Evidence.FAN_IN))
    )
    others = pl.col("evidence").is_in(PROVEN)
    evidence = pl.when(others).then(instead.cast(pl.String)).otherwise("evidence")
    return both.with_columns(evidence.alias("evidence")).select(rows.columns)
