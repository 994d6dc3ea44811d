"""What was seen in a namespace beside its policies: /api/v0/policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
import polars as pl
from msgspec import Meta

from matrix.approved import KEY
from page.draft import (
    Policies,
    Which,
    check_namespaces,
    draft,
    in_force,
    knows_policies,
    objects,
)
from page.policy_text import text
from page.query import parameters
from page.source import Seen
from page.times import stamp
from pipeline.api.openapi import Described
from policy.generate.build import Options
from policy.generate.report import Report
from policy.generate.text import dump
from policy.judge.verdicts import LOST, Verdict
from policy.networkpolicy import Direction
from policy.objects import Cluster, Manifest
from policy.verify.verification import Verification, of_namespace, verify


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    namespace: Annotated[str, Meta(description="The namespace.")]
    of: Annotated[Which, Meta(description="The draft, or the policies in force.")] = Which.DRAFT
    direction: Annotated[Direction | None, Meta(description="A draft of this direction alone.")] = (
        None
    )
    allow_unlabelled: Annotated[
        bool, Meta(description="Rules for addresses without a subnet label, too.")
    ] = False
    default_deny: Annotated[bool, Meta(description="Deny all the rest of the namespace.")] = False
    dns: Annotated[str, Meta(description="Allow DNS of this Service, seen or not: NS/SERVICE.")] = (
        ""
    )
    policy: Annotated[str, Meta(description="Only the text of this policy: NS/NAME.")] = ""
    rule: Annotated[str, Meta(description="Edges that this rule lets through come first.")] = ""
    limit: Annotated[
        int, Meta(ge=1, le=10_000, description="At most so many rows of each list.")
    ] = 1_000


class Share(msgspec.Struct, frozen=True):
    """How much of what was seen: edges, flows and bytes of both directions."""

    edges: int
    flows: int
    bytes: int


class RuleLines(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, its lines in the YAML (from 1), and what it lets through."""

    rule: str
    first: int
    last: int
    edges: int
    flows: int
    last_seen: datetime | None


class PolicyText(msgspec.Struct, frozen=True, kw_only=True):
    """A policy: NAMESPACE/NAME, its YAML, and its rules."""

    name: str
    yaml: str
    rules: list[RuleLines]


class JudgedEdge(msgspec.Struct, frozen=True, kw_only=True):
    """An edge and the verdict of the policies.

    The first columns are its key. `rules` are those that let it through ("NS/POLICY egress[0]"),
    `isolated_by` the policies that isolate an end which no rule lets through. `counts`: it was
    established, or its outcome is uncertain. `network_events`: what the network plugin said.
    """

    client_kind: str
    client_namespace: str
    client_workload: str
    client_label: str
    client_address: str
    server_kind: str
    server_namespace: str
    server_workload: str
    server_label: str
    server_address: str
    protocol: str
    port: int | None
    state: str
    flows: int
    bytes: int
    first_seen: datetime | None
    last_seen: datetime | None
    verdict: str
    egress: str
    ingress: str
    rules: list[str]
    isolated_by: list[str]
    why: str
    counts: bool
    network_events: str


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule allows and nobody has done: see policy.verify.permissions."""

    policy: str
    rule: str
    direction: str
    own: str
    peer: str
    protocol: str
    port: str


class Unselected(msgspec.Struct, frozen=True, kw_only=True):
    """A workload, and the directions in which no policy selects it."""

    workload: str
    directions: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What generating said: see policy.generate.report."""

    topic: str
    title: str
    fails: bool
    subject: str
    message: str


class PolicyPage(msgspec.Struct, frozen=True, kw_only=True):
    """/api/v0/policy: policies of a namespace, and how much of what was seen they cover.

    `names` are those of all policies; of many only the first texts are given. `coverage`: `seen`,
    and shares of it by verdict. `edges`: those of the rule asked for, then those that would be
    denied, then the others, the largest first. `totals`: how many
    edges, unused permissions, unselected workloads and findings there are.
    `known`: whether it is known which policies there are; those in force may not be listed.
    `window`: the first and the last flow; `labels`: the version of the list of subnet labels.
    """

    namespace: str
    of: Which
    known: bool
    window: tuple[datetime | None, datetime | None]
    labels: str
    coverage: dict[str, Share]
    names: list[str]
    policies: list[PolicyText]
    edges: list[JudgedEdge]
    unused: list[Permission]
    unselected: list[Unselected]
    findings: list[Said]
    totals: dict[str, int]


class PolicyYaml(msgspec.Struct, frozen=True):
    """/api/v0/policy/yaml: the policies of a namespace as one file."""

    yaml: str


DESCRIBED = Described(
    "Network policies for what was seen in a namespace, or those in force, and what they cover.",
    PolicyPage,
    parameters(Asked),
)
YAML = Described("The YAML of all network policies of a namespace.", PolicyYaml, parameters(Asked))
_TEXTS = 40
_VERDICTS = [one for one in Verdict if one is not Verdict.OPEN]


def page(seen: Seen, question: Asked) -> PolicyPage:
    """The policies of a namespace held against its edges. Raises UnansweredError."""
    given, cluster = _policies(seen, question)
    own = of_namespace(seen.edges(), question.namespace)
    found = verify(given.read, own, cluster, seen.labels, question.namespace)
    known = question.of is Which.DRAFT or knows_policies(cluster)
    return _page(own, question, given, found, known=known)


def whole(seen: Seen, question: Asked) -> PolicyYaml:
    """All policies of a namespace as YAML. Raises UnansweredError."""
    given, _ = _policies(seen, question)
    return PolicyYaml(dump(one for _, one in _named(given, question.namespace)))


def _policies(seen: Seen, question: Asked) -> tuple[Policies, Cluster]:
    cluster = objects(seen)
    check_namespaces(seen, cluster, [question.namespace])
    options = Options(
        namespaces=(question.namespace,),
        allow_unlabelled=question.allow_unlabelled,
        dns=question.dns,
        default_deny=question.default_deny,
    )
    if question.of is Which.IN_FORCE:
        return in_force(cluster), cluster
    return draft(seen, cluster, options, question.direction), cluster


def _page(
    own: pl.DataFrame, question: Asked, given: Policies, found: Verification, *, known: bool
) -> PolicyPage:
    """The page of the edges of the namespace (`own`)."""
    findings = list(_said(given.report)) if given.report else []
    most = question.limit
    names, shown = _shown(given, question)
    edges = _judged(own, found, question.rule)
    lists = {"unused": found.unused, "unselected": found.unselected}
    return PolicyPage(
        namespace=question.namespace,
        of=question.of,
        known=known,
        window=(stamp(_float(own["first_seen"].min())), stamp(_float(own["last_seen"].max()))),
        labels=given.report.labels if given.report else "",
        coverage={
            "seen": Share(*found.coverage()),
            **{one.value: Share(*found.coverage(one)) for one in _VERDICTS},
        },
        names=names,
        policies=list(_texts(shown, found)),
        edges=list(map(_edge, edges.head(most).iter_rows(named=True))),
        unused=[Permission(**row) for row in found.unused.head(most).iter_rows(named=True)],
        unselected=[Unselected(**row) for row in found.unselected.head(most).iter_rows(named=True)],
        findings=findings[:most],
        totals={
            "edges": own.height,
            "findings": len(findings),
            **{name: frame.height for name, frame in lists.items()},
        },
    )


def _shown(given: Policies, question: Asked) -> tuple[list[str], dict[str, Manifest]]:
    """The names of all policies, and those whose text is given: the one asked for, or the first."""
    names, shown = list[str](), dict[str, Manifest]()
    for name, one in _named(given, question.namespace):
        names.append(name)
        wanted = name == question.policy if question.policy else len(names) <= _TEXTS
        if wanted:
            shown[name] = one
    return names, shown


def _named(given: Policies, namespace: str) -> Iterator[tuple[str, Manifest]]:
    """The policies of the namespace, and their names."""
    for one in given.manifests:
        meta = one["metadata"]
        if meta.get("namespace") == namespace:
            yield f"{namespace}/{meta['name']}", one


def _texts(shown: Mapping[str, Manifest], found: Verification) -> Iterator[PolicyText]:
    """Policies, each with its rules and what these let through."""
    hits = {(row[0], row[1]): row[2:] for row in found.rules.iter_rows()}
    for name, one in shown.items():
        yaml, lines = text(one)
        yield PolicyText(name=name, yaml=yaml, rules=list(_rules(name, lines, hits)))


def _rules(
    name: str, lines: Iterable[Any], hits: dict[tuple[str, str], Any]
) -> Iterator[RuleLines]:
    for rule, first, last in lines:
        edges, flows, seen = hits.get((name, rule), (0, 0, None))
        yield RuleLines(
            rule=f"{name} {rule}",
            first=first,
            last=last,
            edges=edges,
            flows=flows,
            last_seen=stamp(seen),
        )


def _judged(own: pl.DataFrame, found: Verification, rule: str) -> pl.DataFrame:
    """The edges of the namespace with their verdicts: of the rule, then what would be denied."""
    ends = [name for name in KEY if name not in found.edges.columns]
    whole = pl.concat([own.select(ends), found.edges], how="horizontal")
    lost = pl.col("counts") & pl.col("verdict").is_in(LOST)
    by_rule = pl.col("allowed_by").list.contains(rule)
    return whole.sort(~by_rule, ~lost, -pl.col("bytes"), *ends, maintain_order=True)


def _edge(row: dict[str, Any]) -> JudgedEdge:
    values = {name: row[name] for name in JudgedEdge.__struct_fields__ if name in row}
    values |= {name: stamp(row[name]) for name in ("first_seen", "last_seen")}
    return JudgedEdge(**values, rules=row["allowed_by"])


def _said(report: Report) -> Iterator[Said]:
    for one in report.findings:
        yield Said(
            topic=one.topic.key,
            title=one.topic.title,
            fails=one.topic.fails,
            subject=one.subject,
            message=one.message,
        )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
