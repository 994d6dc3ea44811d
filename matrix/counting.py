"""Facts of one edge made one row: reports of two nodes are counted once, and the state is told."""

from __future__ import annotations

import polars as pl

from matrix.edges import Evidence, State
from matrix.places import EVIDENCES
from pipeline.stage.edge_facts import CLIENT, SERVER, Reporter

KEY = (*CLIENT, *SERVER, "protocol", "port")
"""What tells one edge from another."""

EDGE = ":edge"
"""The number of an edge among others."""

_PARTS = ("namespace", "workload", "kind", "label", "address")
ORDER = (*(f"{side}_{part}" for side in ("client", "server") for part in _PARTS), *KEY[-2:])
"""KEY in the order in which edges are sorted."""

_NAMES = {"attempted": "syn", "accepted": "syn_ack", "refused": "rst", "dropped": "drop_flows"}
_SAME = ("flows", "bytes", "packets", "reply_flows", "reply_bytes", "reply_packets")
_SUMS = {name: name for name in (*_SAME, "allowed", "denied", "drop_packets")} | _NAMES
_SYN_RETRIES = 7
"""Packets of a connection that is not answered: a SYN and six more (tcp_syn_retries of Linux)."""
_UNANSWERED = 3
"""Packets without an answer up to which nobody may be there."""
_FEW, _LONG = 10, 60.0
"""Packets and seconds beyond which traffic without an answer is meant to have none."""
_ASKING = (53, 123, 161, 5353)
"""UDP ports whose servers answer always: without an answer there is none (DNS, NTP, SNMP)."""


def numbered(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Rows with a column (UInt32) that numbers what has the same KEY: quicker to group by."""
    numbers = rows.select(KEY).unique().with_row_index(name)
    return rows.join(numbers, on=KEY, how="left", nulls_equal=True)


def counted(facts: pl.DataFrame) -> pl.DataFrame:
    """The edges of oriented facts that are `numbered` as EDGE.

    Columns: EDGE, KEY, the numbers, `evidence`, `state` and the times of `edges.EDGES`. What the
    agents of both ends' nodes have reported is counted by the one that has reported more.
    """
    rank = pl.col("evidence").replace_strict(EVIDENCES, range(len(EVIDENCES)))
    apart = facts.group_by(EDGE, "reporter").agg(
        pl.col(KEY).first(),
        *(pl.col(own).sum().alias(name) for name, own in _SUMS.items()),
        pl.col("sampling_max").max().fill_null(0).alias("sampling"),
        pl.col("first_seen").min(),
        pl.col("last_seen").max(),
        rank.min().alias("evidence"),
    )
    from_client, from_server = (
        pl.col("reporter") == side for side in (Reporter.CLIENT, Reporter.SERVER)
    )

    def once(name: str) -> pl.Expr:
        """Once what both ends may have reported, and all that one agent saw of both."""
        number = pl.col(name)
        ends = pl.max_horizontal(number.filter(from_client).sum(), number.filter(from_server).sum())
        return ends + number.filter(~from_client & ~from_server).sum()

    flows = pl.col("flows") + pl.col("reply_flows")
    twice = pl.min_horizontal(flows.filter(from_client).sum(), flows.filter(from_server).sum())
    found = apart.group_by(EDGE).agg(
        pl.col(KEY).first(),
        *(once(name).alias(name) for name in _SUMS),
        twice.alias("repeated"),
        pl.col("sampling").max(),
        pl.col("first_seen").min(),
        pl.col("last_seen").max(),
        pl.col("evidence").min(),
    )
    names = pl.col("evidence").replace_strict(range(len(EVIDENCES)), [str(e) for e in EVIDENCES])
    return with_state(found.with_columns(names)).drop("drop_packets")


def with_state(edges: pl.DataFrame) -> pl.DataFrame:
    """Edges with their `state`, and connections counted as it says.

    A connection is accepted by a SYN_ACK; where a source tells of none, and of opening flows only,
    by a reply.
    TCP is established by a SYN_ACK, or by a reply that is not a reset: a SYN without one is an
    attempt, however often it is sent, and packets without SYN belong to a connection that is older
    than what was seen. Other protocols are established by a reply. Logs and metrics have none: UDP
    and SCTP also are when they go on (more than ten packets, in bursts or over a minute), unless
    the port is one whose servers answer. What a policy has denied, and nobody has answered, is
    denied.
    """
    tcp, name = pl.col("protocol") == "TCP", pl.col
    answered = (name("accepted") > 0) | (name("reply_flows") > name("refused"))
    silent = (name("reply_flows") == 0) & (name("packets") > _SYN_RETRIES * name("attempted"))
    going = silent | ((name("attempted") == 0) & (name("packets") > _UNANSWERED))
    sent = name("packets") - name("drop_packets")
    bursts = sent > _UNANSWERED * name("flows")
    going_on = (sent > _FEW) & (bursts | (name("last_seen") - name("first_seen") >= _LONG))
    told = name("port").is_not_null() & ~name("port").is_in(_ASKING) & going_on
    lasting = pl.when(tcp).then(going).otherwise(told)
    established = answered | (lasting & (name("denied") == 0))
    state = (
        pl.when(name("evidence") == Evidence.UNCERTAIN)
        .then(pl.lit(State.UNCERTAIN))
        .when(established)
        .then(pl.lit(State.ESTABLISHED))
        .when(name("denied") > 0)
        .then(pl.lit(State.DENIED))
        .otherwise(pl.lit(State.ATTEMPTED))
    )
    opened = pl.max_horizontal("attempted", "accepted")
    opening_only = tcp & (name("accepted") == 0) & (name("flows") == name("attempted"))
    replies = pl.min_horizontal("attempted", name("reply_flows") - name("refused"))
    accepted = pl.when(opening_only).then(replies).otherwise("accepted")
    refused = pl.when(established).then(pl.min_horizontal("refused", opened - accepted))
    return edges.with_columns(
        state.cast(pl.String).alias("state"),
        opened.alias("attempted"),
        accepted.alias("accepted"),
        refused.otherwise("refused").alias("refused"),
    )
