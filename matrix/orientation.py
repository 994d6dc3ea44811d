"""Which end is the server, where the flows alone have not said so.

A port is known to be a server's, the strongest evidence first, by a SYN, by a SYN_ACK (or the type
of an echo), by an object that declares it, as that of a known service, or by fan-in: it was seen
with several ports of the other side. Where a fact leaves it open, both ends are tried; the one
with the stronger evidence is the server, and without any it is uncertain.
"""

from __future__ import annotations

import polars as pl

from matrix.edges import Evidence
from matrix.ends import key
from pipeline.flows import service_ports
from pipeline.flows.orientation import Basis
from pipeline.stage.edge_facts import CLIENT, SERVER

EVIDENCES = list(Evidence)
"""The strongest first: positions in it are ranks."""

_PROVEN = (Basis.SYN, Basis.SYN_ACK, Basis.ECHO)
_WELL_KNOWN, _FAN_IN, _UNCERTAIN = map(
    EVIDENCES.index, (Evidence.WELL_KNOWN, Evidence.FAN_IN, Evidence.UNCERTAIN)
)
_KNOWN = pl.Series(service_ports.known())
_SWAPPED = {"flows": "reply_flows", "bytes": "reply_bytes", "packets": "reply_packets"}
_SWAPPED |= {"syn": "syn_ack", "rst": "client_rst"}
_ROW, _CLIENT, _SERVER, _THEIRS = ":row", ":client", ":server", ":their_port"
_PLACE = (_SERVER, "protocol", "port")
_OTHER_PLACE = (_CLIENT, "protocol", _THEIRS)
_RANK, _FAN = ":rank", ":fan"


def oriented(facts: pl.DataFrame, declared: pl.DataFrame) -> pl.DataFrame:
    """Facts of edges with the server as the server, and the evidence (`Evidence`) for that.

    `declared`: the schema `objects.DECLARED` and a label. Where the ends change places, so do the
    numbers of their directions.
    """
    single = pl.col("client_port_min") == pl.col("client_port_max")
    theirs = pl.coalesce("client_port", pl.when(single).then("client_port_min"))
    rows = facts.with_columns(
        key("client_").alias(_CLIENT),
        key("server_").alias(_SERVER),
        theirs.cast(pl.Int32).alias(_THEIRS),
    ).with_row_index(_ROW)
    places = declared.select(key().alias(_SERVER), "protocol", "port").unique()
    told = pl.col("evidence").is_in(_PROVEN) & ~pl.col(_ROW).is_in(_contested(rows).implode())
    proven, doubtful = rows.filter(told), rows.filter(~told)
    known = _best([*(_proven(proven, e) for e in _PROVEN), _ranked(places, Evidence.DECLARED)])
    decided = _decided(doubtful, known, *_fans(doubtful))
    found = decided.filter(pl.col("evidence") == Evidence.FAN_IN)
    known = _best([known, _ranked(found.select(_PLACE), Evidence.FAN_IN)])
    weak = pl.col("evidence") == Evidence.UNCERTAIN
    rest = _decided(decided.filter(weak), known, *_fans(decided.clear()))
    others = _of_others(pl.concat([decided.filter(~weak), rest]), places)
    return pl.concat([proven, others]).select(facts.columns)


def _of_others(rows: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Rows in which the connections of other clients do not count as a SYN of their own.

    That others connect to the port is fan-in, unless there is better evidence.
    """
    declared = rows.join(
        places.with_columns(pl.lit(value=True).alias(":declared")), on=_PLACE, how="left"
    )
    instead = (
        pl.when(":declared")
        .then(pl.lit(Evidence.DECLARED))
        .when(_is_service("port"))
        .then(pl.lit(Evidence.WELL_KNOWN))
        .otherwise(pl.lit(Evidence.FAN_IN))
    )
    others = pl.col("evidence").is_in(_PROVEN)
    evidence = pl.when(others).then(instead.cast(pl.String)).otherwise("evidence")
    return declared.with_columns(evidence.alias("evidence")).select(rows.columns)


def _contested(rows: pl.DataFrame) -> pl.Series:
    """Rows (by _ROW) whose server is the client of another row on the same two ports.

    Bits of the header that read SYN and ACK may be those of a client or of a reply.
    """
    told = rows.filter(pl.col("evidence").is_in(_PROVEN))
    facing = told.select(
        pl.col(_SERVER).alias(_CLIENT),
        pl.col(_CLIENT).alias(_SERVER),
        "protocol",
        pl.col("port").alias(_THEIRS),
        pl.col("client_port_min").alias(":from"),
        pl.col("client_port_max").alias(":to"),
    )
    both = told.join(facing, on=[_CLIENT, _SERVER, "protocol", _THEIRS])
    return both.filter(pl.col("port").is_between(":from", ":to"))[_ROW].unique()


def _proven(rows: pl.DataFrame, basis: Basis) -> pl.DataFrame:
    return _ranked(rows.filter(pl.col("evidence") == basis).select(_PLACE), Evidence(basis.value))


def _ranked(places: pl.DataFrame, evidence: Evidence) -> pl.DataFrame:
    return places.with_columns(pl.lit(EVIDENCES.index(evidence)).alias(_RANK))


def _best(ranked: list[pl.DataFrame]) -> pl.DataFrame:
    """The best rank of every place."""
    return pl.concat(ranked).group_by(_PLACE).agg(pl.col(_RANK).min())


def _fans(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """With how many ports of the other side a place was seen, and a client's port with one server.

    A row says it of its server's port and, where nothing decided between them, of its client's
    port as well. A client's port that stands against one in a range must be that of one pair:
    clients use the same port for several servers.
    """
    low, high = pl.col("client_port_min"), pl.col("client_port_max")
    open_ = rows.filter(~_by_number())
    seen = [
        *(rows.select(*_PLACE, port.alias(_FAN)) for port in (low, high)),
        open_.select(*_renamed(), pl.col("port").cast(pl.Int64).alias(_FAN)),
    ]
    count = pl.col(_FAN).drop_nulls().n_unique()
    pairs = rows.filter(_by_number()).group_by(*_OTHER_PLACE, _SERVER)
    return (
        pl.concat(seen).group_by(_PLACE).agg(count),
        pairs.agg(pl.col("port").n_unique().alias(_FAN)),
    )


def _by_number() -> pl.Expr:
    """Whether the ports decided, by their numbers."""
    return pl.col("evidence").is_in((Basis.RANGE, Basis.WELL_KNOWN))


def _renamed() -> list[pl.Expr]:
    """The place of the other end."""
    pairs = zip(_OTHER_PLACE, _PLACE, strict=True)
    return [pl.col(theirs).alias(own) for theirs, own in pairs]


def _decided(
    rows: pl.DataFrame, known: pl.DataFrame, fans: pl.DataFrame, pairs: pl.DataFrame
) -> pl.DataFrame:
    """Rows the right way round, with their evidence."""
    theirs = dict(zip(_PLACE, _OTHER_PLACE, strict=True)) | {_RANK: ":their_rank", _FAN: ":theirs"}
    both = rows
    for table in (known, fans):
        renamed = table.rename({c: name for c, name in theirs.items() if c in table.columns})
        both = both.join(table, on=_PLACE, how="left", nulls_equal=True)
        both = both.join(renamed, on=_OTHER_PLACE, how="left", nulls_equal=True)
    both = both.join(
        pairs.rename({_FAN: ":pair"}), on=[*_OTHER_PLACE, _SERVER], how="left", nulls_equal=True
    )
    by_number = _by_number()
    fan = pl.when(by_number).then(":pair").otherwise(":theirs").fill_null(0)
    judged = both.with_columns(
        _rank(_RANK, "port", pl.col(_FAN)).alias(":own_rank"),
        _rank(":their_rank", _THEIRS, fan).alias(":their_rank"),
        (fan.cast(pl.Int64) - pl.col(_FAN).fill_null(0).cast(pl.Int64)).alias(":ahead"),
    )
    # A client whose ports begin low now and then has that of a service.
    chance = (pl.col("port") >= service_ports.PRIVILEGED) & (pl.col(_FAN).fill_null(0) < 2)
    chance &= (pl.col(":own_rank") == _WELL_KNOWN) & (pl.col(":their_rank") == _FAN_IN)
    judged = judged.with_columns(
        pl.when(chance).then(_UNCERTAIN).otherwise(":own_rank").alias(":own_rank")
    )
    own, their, ahead = pl.col(":own_rank"), pl.col(":their_rank"), pl.col(":ahead")
    alike = (own == their) & (own < _UNCERTAIN) & (~by_number | (own == _FAN_IN))
    alike &= pl.col("port").ne_missing(pl.col(_THEIRS))
    rank = pl.when(alike & (ahead == 0)).then(_UNCERTAIN).otherwise(pl.min_horizontal(own, their))
    names = pl.Series([evidence.value for evidence in EVIDENCES])
    swap = (their < own) | (alike & (ahead > 0))
    evidence = names.gather(judged.select(rank).to_series())
    return judged.with_columns(
        *_changed(judged.select(swap).to_series()), evidence.alias("evidence")
    ).select(rows.columns)


def _rank(known: str, port: str, fan: pl.Expr) -> pl.Expr:
    """The rank of the best evidence that a port is the server's."""
    return pl.min_horizontal(
        pl.col(known),
        pl.when(_is_service(port)).then(_WELL_KNOWN),
        pl.when(fan >= 2).then(_FAN_IN),
        _UNCERTAIN,
    )


def _is_service(port: str) -> pl.Expr:
    """Boolean: whether a port is that of a known service."""
    return pl.col(port).fill_null(0).map_batches(_KNOWN.gather, pl.Boolean())


def _changed(swap: pl.Series) -> list[pl.Expr]:
    """The columns of both ends, in each other's place where `swap` says so."""
    pairs = dict(zip(CLIENT, SERVER, strict=True)) | _SWAPPED | {_CLIENT: _SERVER, "port": _THEIRS}
    pairs |= {theirs: own for own, theirs in pairs.items()}
    condition = pl.lit(swap)
    reporter = pl.col("reporter").replace({"client": "server", "server": "client"})
    return [
        *(pl.when(condition).then(b).otherwise(a).alias(a) for a, b in pairs.items()),
        pl.when(condition).then(reporter).otherwise("reporter").alias("reporter"),
    ]
