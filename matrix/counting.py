"""Facts of one edge made one row: reports of two nodes are counted once, and the state is told."""

from __future__ import annotations

import polars as pl

from matrix.edges import Evidence, State
from matrix.numbers import numbers, ranks
from matrix.places import EVIDENCES
from pipeline.stage.edge_facts import CLIENT, SERVER, Reporter

KEY = (*CLIENT, *SERVER, "protocol", "port")
"""What tells one edge from another."""

EDGE = ":edge"
"""The number of an edge among others."""

_PARTS = ("namespace", "workload", "kind", "label", "address")
"""The columns of an end in the order in which edges are sorted."""

_ROW = ":row"
_CLIENT, _SERVER, _ONE = ":client", ":server", ":one"
"""Behind a number: as the agent of this end's node has reported it, or one for both ends."""
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
    return rows.with_columns(numbers(rows.select(KEY)).alias(name))


def in_order(edges: pl.DataFrame) -> pl.DataFrame:
    """Edges sorted by KEY, of each end the namespace first; what it is called is compared once."""
    sides = [
        edges.select(pl.col(f"{side}_{part}").alias(part) for part in _PARTS)
        for side in ("client", "server")
    ]
    both = ranks(pl.concat(sides))
    ends = [both.head(edges.height).alias(":client"), both.tail(edges.height).alias(":server")]
    places = pl.DataFrame([*ends, *edges.select(KEY[-2:])])
    return edges[places.select(pl.arg_sort_by(places.columns)).to_series()]


def counted(facts: pl.DataFrame) -> pl.DataFrame:
    """The edges of oriented facts that are `numbered` as EDGE.

    Columns: EDGE, KEY, the numbers, `evidence`, `state` and the times of `edges.EDGES`. What the
    agents of both ends' nodes have reported is counted by the one that has reported more.
    """
    rank = pl.col("evidence").replace_strict(EVIDENCES, range(len(EVIDENCES)))
    at_client, at_server = (
        pl.col("reporter") == side for side in (Reporter.CLIENT, Reporter.SERVER)
    )
    reports = {_CLIENT: at_client, _SERVER: at_server, _ONE: ~at_client & ~at_server}
    rows = facts.lazy().with_row_index(_ROW)
    found = rows.group_by(EDGE).agg(
        pl.col(_ROW).min(),
        *(
            pl.when(where).then(own).otherwise(0).sum().alias(name + report)
            for name, own in _SUMS.items()
            for report, where in reports.items()
        ),
        pl.col("sampling_max").max().fill_null(0).alias("sampling"),
        pl.col("first_seen").min(),
        pl.col("last_seen").max(),
        rank.min().alias("evidence"),
    )
    names = pl.col("evidence").replace_strict(range(len(EVIDENCES)), [str(e) for e in EVIDENCES])
    once = found.select(
        _ROW,
        EDGE,
        *(
            (pl.max_horizontal(name + _CLIENT, name + _SERVER) + pl.col(name + _ONE)).alias(name)
            for name in _SUMS
        ),
        pl.min_horizontal(
            pl.col("flows" + side) + pl.col("reply_flows" + side) for side in (_CLIENT, _SERVER)
        ).alias("repeated"),
        "sampling",
        "first_seen",
        "last_seen",
        names,
    ).collect(engine="streaming")
    edges = facts.select(KEY)[once[_ROW]].hstack(once.drop(_ROW))
    return with_state(edges).drop("drop_packets")


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
