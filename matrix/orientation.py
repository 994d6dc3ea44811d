"""Which end is the server, where the flags of the flows have not said so.

The port that is a server's is known, the strongest evidence first, by a SYN, by a SYN_ACK, by an
object that declares it, by being a well-known one, or by fan-in: one port seen with several ports
of the other side. Each row is read both ways; the way with the stronger evidence is taken.
"""

from __future__ import annotations

from enum import IntEnum

import polars as pl

from matrix.edges import Evidence
from matrix.ends import CLIENT, FACT, SERVER, SIDES, other

RANGE, UNDECIDED = "range", ""
"""Evidence of facts: one port is a client's by its number; nothing is known."""

_WELL_KNOWN, _EPHEMERAL = 1024, 32_768
_PROVEN = (Evidence.SYN, Evidence.SYN_ACK)
_OTHER = ":other_port"
_REPLIES = {"flows": "reply_flows", "bytes": "reply_bytes", "packets": "reply_packets"}
_KEY = (*SERVER, "protocol", "port")


class _Rank(IntEnum):
    """How strong evidence is; 0 is the strongest."""

    SYN = 0
    SYN_ACK = 1
    DECLARED = 2
    WELL_KNOWN = 3
    FAN_IN = 4
    UNCERTAIN = 5


RANKS = {Evidence(rank.name.lower()): rank.value for rank in _Rank}


def oriented(facts: pl.DataFrame, declared: pl.DataFrame) -> pl.DataFrame:
    """Facts with the server as the server, and evidence (of `edges.Evidence`) for that.

    `facts`: the edge facts, the port Int32 and client_port Int32. `declared`: the schema
    `objects.DECLARED` and a label. Numbers both ways change places with the ends.
    """
    single = pl.col("client_port_min") == pl.col("client_port_max")
    known = pl.col("client_port").fill_null(pl.when(single).then("client_port_min"))
    rows = facts.with_columns(known.cast(pl.Int32).alias(_OTHER))
    declares = declared.select(
        *(pl.col(name.removeprefix("server_")).alias(name) for name in SERVER),
        "protocol",
        "port",
    ).unique()
    proven, doubtful = _split(rows, declares)
    support = pl.concat(
        [
            *(_ports(proven.filter(pl.col("evidence") == e), _Rank[e.name]) for e in _PROVEN),
            _ports(declares, _Rank.DECLARED),
        ]
    )
    decided = _decided(doubtful, support, _fans(doubtful))
