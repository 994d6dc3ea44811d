"""Generated policies judged on the edges they came from, and on edges that differ in one thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix.edges import EDGES, State
from pipeline.kube.subnets import Label
from pipeline.yaml import kubernetes
from policy.generate.build import Generated, Options, generate
from policy.generate.objects import Kind, manifests
from policy.generate.text import dump
from policy.judge.evaluator import Evaluator
from policy.networkpolicy import NetworkPolicy, parse
from policy.objects import Cluster, Manifest
from tests.real.policy_evaluators import Evaluators, Question
from tests.support import reference_edges
from tests.support.edge_rows import End, edge, frame, workload

Row = dict[str, Any]
NAMESPACES = ("netobserv", "noo-loki", "openshift-monitoring", "openshift-console", "openshift-dns")
_OTHERS = {"TCP": "UDP", "UDP": "TCP"}
FREE = 1
"""A port that no edge has."""


def objects(found: Generated) -> list[Manifest]:
    return list(manifests(found.drafts, Kind.NETWORK_POLICY, found.report))


def policies(found: Generated) -> list[NetworkPolicy]:
    """As they are read back from the YAML."""
    return [parse(one) for one in objects(found)]


def verdicts(
    found: Generated, given: Iterable[Manifest], labels: list[Label], rows: Iterable[Row]
) -> list[tuple[str, str]]:
    """Each edge with its verdict."""
    edges = pl.DataFrame(list(rows), schema=EDGES)
    judged = Evaluator(policies(found), Cluster(given), labels).judge(edges).verdicts
    return list(zip(map(told, edges.iter_rows(named=True)), judged["verdict"], strict=True))


def told(row: Row) -> str:
    ends = [
        row[f"{side}_workload"] or row[f"{side}_label"] or row[f"{side}_address"]
        for side in ("client", "server")
    ]
    return f"{' -> '.join(ends)} {row['protocol']} {row['port']}"


def established() -> list[Row]:
    return reference_edges.edges().filter(pl.col("state") == State.ESTABLISHED).to_dicts()


def stranger(namespace: str) -> list[Manifest]:
    """A workload that nobody speaks with; in another namespace with the labels of the gateway."""
    labels = {"app": "stranger"} if namespace == "netobserv" else {"app": "loki-gateway"}
    number = 8 if namespace == "netobserv" else 9
    return [
        {"kind": "Namespace", "metadata": {"name": namespace}},
        {
            "kind": "Deployment",
            "metadata": {"namespace": namespace, "name": "stranger"},
            "spec": {"selector": {"matchLabels": labels}},
        },
        {
            "kind": "Pod",
            "metadata": {
                "namespace": namespace,
                "name": "stranger-1",
                "labels": labels,
                "ownerReferences": [{"kind": "Deployment", "name": "stranger"}],
            },
            "status": {"podIPs": [{"ip": f"10.128.9.{number}"}], "hostIP": "10.0.30.68"},
        },
    ]


def mutations(rows: list[Row]) -> Iterator[Row]:
    """Edges of selected workloads that differ in one thing; of nodes there is a test of its own."""
    for row in rows:
        if "Node" in (row["client_kind"], row["server_kind"]):
            continue
        yield {**row, "port": FREE}
        yield {**row, "protocol": _OTHERS[row["protocol"]]}
        for namespace in ("netobserv", "elsewhere"):
            other = {"kind": "Deployment", "namespace": namespace, "workload": "stranger"}
            for side in ("client", "server"):
                if row[f"{side}_kind"]:
                    yield {**row, **{f"{side}_{part}": value for part, value in other.items()}}
        if not row["server_kind"]:
            for address in ("3.5.203.255", "3.5.208.0", "13.36.84.47", "13.36.84.80"):
                yield {**row, "server_label": "", "server_address": address}


@pytest.fixture(scope="module")
def reference() -> tuple[Generated, list[Manifest], list[Label]]:
    """Policies for all namespaces of the reference scenario, so that both ends are judged."""
    labels = reference_edges.labels()
    given = [*reference_edges.manifests(), *stranger("netobserv"), *stranger("elsewhere")]
    found = generate(
        reference_edges.edges(),
        given,
        labels,
        Options(namespaces=(*NAMESPACES, "elsewhere"), default_deny=True),
    )
    return found, given, labels


def test_every_established_edge_is_allowed(
    reference: tuple[Generated, list[Manifest], list[Label]],
) -> None:
    found = verdicts(*reference, established())
    assert [one for one in found if one[1] != "allowed"] == []


def test_every_mutated_edge_is_denied(
    reference: tuple[Generated, list[Manifest], list[Label]],
) -> None:
    """Other port, protocol, pod, namespace with the same labels, address beside the network."""
    found = verdicts(*reference, mutations(established()))
    assert len(found) > 70
    assert [one for one in found if one[1] != "denied"] == []


def test_a_node_at_another_port_is_not_allowed(
    reference: tuple[Generated, list[Manifest], list[Label]],
) -> None:
    """Policies do not decide all of what nodes do; no rule allows it."""
    rows = [row for row in established() if "Node" in (row["client_kind"], row["server_kind"])]
    found = verdicts(*reference, ({**row, "port": FREE} for row in rows))
    assert {verdict for _, verdict in found} <= {"denied", "undecided"}


def addresses(given: Iterable[Manifest], row: Row, side: str) -> str:
    """An address behind an end of an edge."""
    kind, name = row[f"{side}_kind"], row[f"{side}_workload"]
    if not kind:
        return row[f"{side}_address"] or "3.5.204.1"
    cluster = Cluster(given)
    pods = [
        pod
        for pod in cluster.pods
        if (pod.workload.kind, pod.namespace, pod.workload.name)
        == (kind, row[f"{side}_namespace"], name)
    ]
    return pods[0].addresses[0]


def test_evaluators_that_others_wrote_agree(
    reference: tuple[Generated, list[Manifest], list[Label]], policy_evaluators: Evaluators
) -> None:
    """Of what was seen, all is allowed; of what differs in one thing, nothing is."""
    found, given, _ = reference
    rows = [row for row in established() if "Node" not in (row["client_kind"], row["server_kind"])]
    changed = list(mutations(rows))
    asked = [
        Question(
            addresses(given, row, "client"),
            addresses(given, row, "server"),
            row["port"],
            row["protocol"],
        )
        for row in (*rows, *changed)
    ]
    theirs = policy_evaluators.ask(
        namespaces=[one for one in given if one["kind"] == "Namespace"],
        pods=[one for one in given if one["kind"] == "Pod"],
        policies=objects(found),
        questions=asked,
    )
    expected = [True] * len(rows) + [False] * len(changed)
    for name, answers in theirs.items():
        wrong = [
            (told(row), answer)
            for row, answer, right in zip((*rows, *changed), answers, expected, strict=True)
            if answer != right
        ]
        assert wrong == [], name
    assert set(theirs) == {"cyclonus", "kube-network-policies"}


def test_a_label_around_the_pod_network_is_allowed_in_full() -> None:
    """Generator and evaluator mean the same addresses by a label."""
    given = clustered([False] * 8)
    labels = [Label("near", ["10.9.0.0/16"]), Label("wide", ["10.0.0.0/8"])]
    seen = frame(edge(workload(_WORKLOADS[0]), End(label="wide"), "TCP 443"))
    found = generate(seen, given, labels, Options(namespaces=("one", "two")))
    assert verdicts(found, given, labels, seen.to_dicts()) == [("a -> wide TCP 443", "allowed")]


_APPS = ("a", "b", "c", "d")
_WORKLOADS = [f"Deployment {namespace}/{app}" for namespace in ("one", "two") for app in _APPS]
_LABELS = [Label("near", ["198.51.100.0/24"]), Label("wide", ["198.51.0.0/16", "10.0.0.0/8"])]
_PODS = Label("Pods", ["10.1.0.0/16"])


@st.composite
def clusters(draw: st.DrawFn) -> list[Manifest]:
    """Two namespaces of four workloads, whose selectors may cover each other's pods."""
    return clustered(draw(st.lists(st.booleans(), min_size=8, max_size=8)))


def clustered(sharing: list[bool]) -> list[Manifest]:
    """The same, with those that share their labels."""
    made: list[Manifest] = [
        {"kind": "Namespace", "metadata": {"name": name}} for name in ("one", "two")
    ]
    for number, name in enumerate(_WORKLOADS):
        namespace, app = name.removeprefix("Deployment ").split("/")
        labels = {"app": "shared" if sharing[number] else app, "own": app}
        selector = {"app": labels["app"]}
        made.append(
            {
                "kind": "Deployment",
                "metadata": {"namespace": namespace, "name": app},
                "spec": {"selector": {"matchLabels": selector}},
            }
        )
        made.append(
            {
                "kind": "Pod",
                "metadata": {
                    "namespace": namespace,
                    "name": f"{app}-1",
                    "labels": labels,
                    "ownerReferences": [{"kind": "Deployment", "name": app}],
                },
                "status": {"podIP": f"10.1.0.{number + 1}", "hostIP": "192.0.2.1"},
            }
        )
    return made


_WAYS = st.sampled_from(["TCP 80", "TCP 443", "UDP 53", "SCTP 80"])
_INSIDE = st.sampled_from([workload(name) for name in _WORKLOADS])
_EDGES = st.lists(st.tuples(_INSIDE, _INSIDE, _WAYS), min_size=1, max_size=12)


@pytest.mark.slow
@settings(max_examples=150)
@given(given=clusters(), drawn=_EDGES)
def test_policies_allow_the_edges_and_what_their_selectors_add(
    given: list[Manifest], drawn: list[tuple[Any, Any, str]]
) -> None:
    """Every pair of workloads and every way: allowed when it was seen, or when both ends are
    covered by selectors of workloads of which it was seen; and these are in the report."""
    labels = [*_LABELS, _PODS]
    seen = frame(*(edge(*one) for one in drawn))
    found = generate(seen, given, labels, Options(namespaces=("one", "two"), default_deny=True))
    every = [
        edge(workload(client), workload(server), way)
        for client in _WORKLOADS
        for server in _WORKLOADS
        for way in ("TCP 80", "TCP 443", "UDP 53", "SCTP 80")
        if client != server  # a pod always reaches itself
    ]
    covered = covering(given)
    allowed = {
        (client, server, way)
        for one, other, way in drawn
        for client in covered[called(one)]
        for server in covered[called(other)]
    }
    judged = verdicts(found, given, labels, every)
    for row, (_, verdict) in zip(every, judged, strict=True):
        way = f"{row['protocol']} {row['port']}"
        key = (named(row, "client"), named(row, "server"), way)
        assert (verdict == "allowed") == (key in allowed), key
    text = "\n".join(f"{one.subject} {one.message}" for one in found.report.findings)
    for one, other, _ in drawn:
        for name in (called(one), called(other)):
            for more in covered[name] - {name}:
                assert f"its selector also covers {more}" in text


def called(one: Any) -> str:
    return f"{one.kind} {one.namespace}/{one.workload}"


def named(row: Row, side: str) -> str:
    return f"{row[f'{side}_kind']} {row[f'{side}_namespace']}/{row[f'{side}_workload']}"


def covering(given: Iterable[Manifest]) -> dict[str, set[str]]:
    """The workloads whose pods the selector of each workload matches, itself included."""
    pods = {
        f"Deployment {one['metadata']['namespace']}/{one['metadata']['labels']['own']}": one
        for one in given
        if one["kind"] == "Pod"
    }
    return {
        name: {
            other
            for other, two in pods.items()
            if one["metadata"]["namespace"] == two["metadata"]["namespace"]
            and one["metadata"]["labels"]["app"] == two["metadata"]["labels"]["app"]
        }
        for name, one in pods.items()
    }


def test_the_yaml_is_the_objects(reference: tuple[Generated, list[Manifest], list[Label]]) -> None:
    made = objects(reference[0])
    read = [one.data for one in kubernetes.documents(dump(made), "policies.yaml")]
    assert read == made
