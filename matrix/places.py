"""What is known about places: an end, a protocol and a port, where a server may be.

A place is known to be a server's, the strongest evidence first, by a SYN, by a SYN_ACK (or the
type of an echo), by an object that declares it, or by fan-in: it was seen with several ports of
the other side.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from matrix.edges import Evidence
from matrix.ends import key
from pipeline.flows import service_ports
from pipeline.flows.orientation import Basis

CLIENT, SERVER, THEIR_PORT = ":client", ":server", ":their_port"
PLACE = (SERVER, "protocol", "port")
OTHER = (CLIENT, "protocol", THEIR_PORT)
"""The place of the client's end: its port is known where all connections have the same one."""
READ = ("client_port_min", "client_port_max", "evidence", "reporter", "began")
RANK, FAN, ROW = ":rank", ":fan", ":row"
EVIDENCES = list(Evidence)
"""The strongest first: positions in it are ranks."""
PROVEN = (Basis.SYN, Basis.SYN_ACK, Basis.ECHO)
"""What flows say themselves; it is not to be doubted unless it is `contested` or `turned`."""
_MANY = 3
_KNOWN = pl.Series(service_ports.known())


def placed(facts: pl.DataFrame) -> pl.DataFrame:
    """What facts say of places: PLACE, OTHER, the columns READ, and ROW (UInt32)."""
    single = pl.col("client_port_min") == pl.col("client_port_max")
    theirs = pl.coalesce("client_port", pl.when(single).then("client_port_min"))
    return facts.select(
        key("client_").alias(CLIENT),
        key("server_").alias(SERVER),
        theirs.cast(pl.Int32).alias(THEIR_PORT),
        "protocol",
        "port",
        *READ,
    ).with_row_index(ROW)


def contested(rows: pl.DataFrame) -> pl.Series:
    """The ROW of those whose server is the client of another row on the same two ports.

    Bits of the header that read SYN and ACK may be those of a client or of a reply.
    """
    told = rows.filter(pl.col("evidence").is_in(PROVEN))
    facing = told.select(
        pl.col(SERVER).alias(CLIENT),
        pl.col(CLIENT).alias(SERVER),
        "protocol",
        pl.col("port").alias(THEIR_PORT),
        pl.col("client_port_min").alias(":from"),
        pl.col("client_port_max").alias(":to"),
    )
    both = told.join(facing, on=[CLIENT, SERVER, "protocol", THEIR_PORT])
    differ = pl.col("port") != pl.col(THEIR_PORT)
    return both.filter(differ, pl.col("port").is_between(":from", ":to"))[ROW].unique()


def turned(rows: pl.DataFrame, declared: pl.DataFrame) -> pl.Series:
    """The ROW of those that bits of the header have turned round, where both flags were seen.

    Ports decide what SYN and ACK mean together: wrongly, when the client's is the one that looks
    like a server's. Then the other port is declared (PLACE), is known by other connections, or is
    the same in many of these.
    """
    port, theirs = pl.col("port"), pl.col(THEIR_PORT)
    low = (port < service_ports.EPHEMERAL) & (theirs >= service_ports.EPHEMERAL)
    looks = (is_service("port") & ~is_service(THEIR_PORT)) | (
        low & (is_service("port") == is_service(THEIR_PORT))
    )
    flags = pl.col("evidence").is_in(PROVEN[:2]) & (pl.col("protocol") == "TCP")
    told = rows.filter(flags, looks)
    both = told.filter(pl.col("evidence").n_unique().over(CLIENT, *PLACE, THEIR_PORT) == 2)
    free = both.join(declared, on=PLACE, how="anti")
    others = rows.filter(flags, ~pl.col(ROW).is_in(both[ROW].implode())).select(PLACE)
    known = pl.concat([declared.select(PLACE), others])
    names = dict(zip(PLACE, OTHER, strict=True))
    named = free.join(known.rename(names), on=OTHER, how="semi")
    many = free.filter(pl.col("port").n_unique().over(OTHER) >= _MANY)
    return pl.concat([named[ROW], many[ROW]]).unique()


def is_service(port: str) -> pl.Expr:
    """Boolean: whether a port is that of a known service."""
    return pl.col(port).fill_null(0).map_batches(_KNOWN.gather, pl.Boolean())


def ranked(places: pl.DataFrame, evidence: Evidence) -> pl.DataFrame:
    """Places with the RANK of this evidence."""
    return places.with_columns(pl.lit(EVIDENCES.index(evidence)).alias(RANK))


def proven(rows: pl.DataFrame) -> Iterable[pl.DataFrame]:
    """The places of rows that have said it themselves, with their RANK."""
    for basis in PROVEN:
        places = rows.filter(pl.col("evidence") == basis).select(PLACE)
        yield ranked(places, Evidence(basis.value))


def best(known: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The best RANK of every place."""
    return pl.concat(known).group_by(PLACE).agg(pl.col(RANK).min())


def by_number() -> pl.Expr:
    """Whether a fact was decided by the numbers of its ports."""
    return pl.col("evidence").is_in((Basis.RANGE, Basis.WELL_KNOWN))


def fans(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """With how many ports of the other side places were seen (FAN): PLACE; then OTHER and SERVER.

    A row says it of its server's port and, where numbers did not decide, of its client's port as
    well. Where they did, the client's port counts for one pair only: clients use the same port for
    several servers.
    """
    open_ = rows.filter(~by_number())
    renamed = [pl.col(theirs).alias(own) for theirs, own in zip(OTHER, PLACE, strict=True)]
    seen = [
        *(rows.select(*PLACE, pl.col(f"client_port_{end}").alias(FAN)) for end in ("min", "max")),
        open_.select(*renamed, pl.col("port").cast(pl.Int64).alias(FAN)),
    ]
    pairs = rows.filter(by_number()).group_by(*OTHER, SERVER)
    return (
        pl.concat(seen).group_by(PLACE).agg(pl.col(FAN).drop_nulls().n_unique()),
        pairs.agg(pl.col("port").n_unique().alias(FAN)),
    )
