"""The verdicts that a running pipeline has counted (`policy_verdict`), as a verification."""

from __future__ import annotations

import polars as pl

from matrix.edges import State
from matrix.facts import Facts
from pipeline.stage.edge_facts import (
    ATTRIBUTE,
    ATTRIBUTE_VALUE,
    CLIENT,
    PORT,
    PROTOCOL,
    SERVER,
    Attribute,
)
from policy.judge.verdicts import Verdict
from policy.verify.verification import (
    UNSELECTED,
    UNUSED,
    Verification,
    described,
    of_namespace,
)

_KEY = (*CLIENT, *SERVER, PROTOCOL, PORT)
_OF_EDGE = {
    "state": pl.lit(State.UNCERTAIN.value),
    "bytes": pl.lit(0),
    "reply_bytes": pl.lit(0),
    "allowed": pl.lit(0),
    "denied": pl.lit(0),
    "policies": pl.lit([], dtype=pl.List(pl.String())),
}
"""What is taken from edges, and what it is where an edge is not known as it was judged."""


class NoVerdictsError(LookupError):
    """No verdicts were counted; the message says what to add."""


def audited(facts: Facts, edges: pl.DataFrame, namespace: str = "") -> Verification:
    """What policies said of flows when these came; of `edges` (EDGES) the outcome is taken.

    An edge has a row for each verdict that it had meanwhile: flows are counted exactly, bytes are
    divided as flows are. Instead of rules, `rules` has policies: policy, verdict, edges, flows,
    last_seen. Nothing is said of what was never seen. Raises NoVerdictsError.
    """
    said = facts.attributes.filter(pl.col(ATTRIBUTE) == Attribute.VERDICT.value)
    if said.is_empty():
        raise NoVerdictsError(
            "no verdicts are counted: add a stage of type policy_verdict before encode_matrix"
        )
    rows = of_namespace(_with_outcomes(said, edges), namespace)
    parts = pl.col(ATTRIBUTE_VALUE).str.splitn(" ", 2)
    verdict, policies = (parts.struct.field(f"field_{number}") for number in (0, 1))
    named = pl.when(policies.is_not_null()).then(policies.str.split(", "))
    is_allowed, nobody = verdict == Verdict.ALLOWED.value, pl.lit([], dtype=pl.List(pl.String()))
    words = rows.select(
        verdict=verdict,
        allowed_by=pl.when(is_allowed).then(named).fill_null(nobody),
        isolated_by=pl.when(~is_allowed).then(named).fill_null(nobody),
        why=pl.lit(""),
    )
    shown = described(rows).with_columns(words.get_columns())
    nothing = pl.DataFrame(schema=UNUSED), pl.DataFrame(schema=UNSELECTED)
    return Verification(shown, _by_policy(shown), *nothing)


def _with_outcomes(said: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """The rows with what `described` reads of edges."""
    share = pl.col("flows") / pl.col("flows").sum().over(_KEY)
    return (
        said.join(edges.select(*_KEY, *_OF_EDGE), on=_KEY, how="left", nulls_equal=True)
        .with_columns(pl.col(name).fill_null(value) for name, value in _OF_EDGE.items())
        .with_columns(
            *((pl.col(name) * share).round().cast(pl.Int64) for name in ("bytes", "reply_bytes")),
            reply_flows=pl.lit(0),
        )
        .sort(*_KEY, ATTRIBUTE_VALUE)
    )


def _by_policy(shown: pl.DataFrame) -> pl.DataFrame:
    """What each policy has decided: policy, verdict, edges, flows, last_seen."""
    policies = pl.concat_list("allowed_by", "isolated_by")
    return (
        shown.select("verdict", "flows", "last_seen", policy=policies)
        .explode("policy")
        .drop_nulls("policy")
        .group_by("policy", "verdict")
        .agg(
            edges=pl.len().cast(pl.Int64),
            flows=pl.col("flows").sum(),
            last_seen=pl.max("last_seen"),
        )
        .sort("policy", "verdict")
    )
