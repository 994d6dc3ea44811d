"""Drafts judged on the edges that they are for: a selector may isolate pods that have no rule."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from pipeline.kube.subnets import Label
from policy.generate.draft import Draft
from policy.generate.kinds import network_policy
from policy.judge.evaluator import Evaluator
from policy.judge.verdicts import Verdict
from policy.networkpolicy import parse_all
from policy.objects import Cluster


def denied(
    frame: pl.DataFrame, drafts: Iterable[Draft], cluster: Cluster, labels: Iterable[Label]
) -> pl.DataFrame:
    """The edges of the frame that the drafts would deny, for all pods of a workload or some."""
    policies = parse_all(one for draft in drafts for one in network_policy.manifests(draft))
    verdicts = Evaluator(policies, cluster, labels).judge(frame).verdicts
    inside = (pl.col("client_kind") != "") & (pl.col("server_kind") != "")
    return (
        frame.with_columns(verdict=verdicts["verdict"])
        .filter(
            (pl.col("verdict") == Verdict.DENIED) | (pl.col("verdict") == Verdict.DIFFERS) & inside
        )
        .drop("verdict")
    )
