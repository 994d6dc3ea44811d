"""The DNS names that a client asked for just before it first reached a peer.

No flow says which name an address has: a record has the question of a DNS message, not its answer.
A name is evidence by co-occurrence only, and at the level of workloads.
"""

from __future__ import annotations

import polars as pl

from pipeline.stage.edge_facts import ATTRIBUTE, ATTRIBUTE_VALUE, Attribute

WITHIN = 60.0
"""Seconds between the first question for a name and the first flow to the peer, at most."""
NEAREST = 3
"""Names that are looked at for each peer, those asked for last before it."""
_CLIENT = ("namespace", "kind", "workload")
QUESTIONS = pl.Schema(
    {
        **dict.fromkeys(_CLIENT, pl.String()),
        "question": pl.String(),
        "first_seen": pl.Float64(),
    }
)
"""A row for each name that a workload asked for, and when it did first (epoch seconds)."""
_INSIDE = (".cluster.local", ".cluster.local.")


def questions(attributes: pl.DataFrame) -> pl.DataFrame:
    """The QUESTIONS among the attributes of facts (`matrix.facts.Facts`)."""
    found = attributes.filter(pl.col(ATTRIBUTE) == Attribute.DNS_NAME)
    ends = [pl.col(f"client_{name}").alias(name) for name in _CLIENT]
    named = found.group_by(*ends, pl.col(ATTRIBUTE_VALUE).alias("question"))
    return named.agg(pl.col("first_seen").min()).match_to_schema(QUESTIONS)


def asked(peers: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The names of QUESTIONS asked for before PEERS were first reached: `address`, `question`.

    Only peers that are servers count. Names of the cluster itself are left out.
    """
    outside = ~pl.any_horizontal(pl.col("question").str.ends_with(end) for end in _INSIDE)
    order = [*_CLIENT, "first_seen", "question"]
    known = known.filter(outside).sort(order)
    known = known.with_columns(pl.int_range(pl.len()).over(_CLIENT).alias("number"))
    reached = peers.filter(pl.col("role") == "server")
    reached = reached.group_by("address", *_CLIENT).agg(pl.col("first_seen").min())
    latest = reached.sort("first_seen").join_asof(
        known.sort("first_seen").select(*_CLIENT, "number", "first_seen"),
        on="first_seen",
        by=_CLIENT,
        strategy="backward",
        tolerance=WITHIN,
        check_sortedness=False,
    )
    steps = pl.DataFrame({"step": range(NEAREST)}, {"step": pl.Int64()})
    numbered = latest.drop_nulls("number").join(steps, how="cross")
    numbered = numbered.with_columns(pl.col("number") - pl.col("step"))
    named = numbered.join(known, on=[*_CLIENT, "number"], suffix="_asked")
    soon = pl.col("first_seen") - pl.col("first_seen_asked") <= WITHIN
    return named.filter(soon).select("address", "question").unique(maintain_order=True)
