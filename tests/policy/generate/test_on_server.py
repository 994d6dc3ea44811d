"""The real API server takes what is generated, and changes nothing of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.generate.build import Options, generate
from policy.generate.draft import Block, Draft, Peer, PeerKind, Port, Rule
from policy.generate.objects import Kind, manifests
from policy.generate.report import Report
from policy.generate.text import dump
from policy.networkpolicy import Direction
from policy.selectors import LabelSelector, Operator, Requirement
from tests.real.apiserver import ApiServer
from tests.real.cluster import define, path
from tests.real.definitions import (
    CILIUM_NETWORK_POLICY,
    CLUSTER_NETWORK_POLICY,
    EXPERIMENTAL_CLUSTER_NETWORK_POLICY,
    Source,
    definition,
)
from tests.support import calico, reference_edges

REPORT = Report(["shop"], ("", ""), "none", 0, 0, [], [])
VALUES = ("n", "y", "N", "no", "on", "true", "null", "1e3", "0o7", "0x1F", "010", "1.5", "")


def accepted(server: ApiServer, draft: Draft, space: str) -> None:
    """The server reads our YAML in a dry run, and answers the object that we meant."""
    (one,) = manifests([draft._replace(namespace=space)], Kind.NETWORK_POLICY, REPORT)
    url = f"{server.reach.url}{path(one)}?fieldManager=tests&fieldValidation=Strict&dryRun=All"
    with server.reach.pool() as pool:
        headers = {**pool.headers, "Content-Type": "application/apply-patch+yaml"}
        answer = pool.request("PATCH", url, body=dump([one]).encode(), headers=headers)
    assert answer.status < 300, answer.data.decode()
    found = answer.json()
    assert found["spec"] == one["spec"]
    for part in ("labels", "annotations"):
        assert found["metadata"][part] == one["metadata"][part]


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (Kind.CILIUM, CILIUM_NETWORK_POLICY),
        (Kind.CLUSTER, CLUSTER_NETWORK_POLICY),
        (Kind.CALICO_STAGED, None),
    ],
)
def test_other_kinds_by_the_definitions_of_their_makers(
    kube_server: ApiServer, space: str, kind: Kind, source: Source | None
) -> None:
    """Strictly: a field that the definition does not have would be refused. Calico's is ours."""
    made = definition(source) if source else calico.staged()
    define(kube_server, made)
    spec = made["spec"]
    found = generate(
        reference_edges.edges(),
        reference_edges.manifests(),
        reference_edges.labels(),
        Options(namespaces=("netobserv", "noo-loki"), default_deny=True),
    )
    drafts = [draft._replace(namespace=space) for draft in found.drafts]
    objects = list(manifests(drafts, kind, found.report))
    assert len(objects) >= len(drafts)
    for one in objects:
        inside = f"/namespaces/{space}" if spec["scope"] == "Namespaced" else ""
        url = f"/apis/{one['apiVersion']}{inside}/{spec['names']['plural']}"
        answer = kube_server.request("POST", f"{url}?dryRun=All&fieldValidation=Strict", one)
        assert answer["spec"] == one["spec"]


def test_nodes_by_the_definition_of_the_experimental_channel(kube_server: ApiServer) -> None:
    """It has another group here, beside the definition of the standard channel."""
    made = definition(EXPERIMENTAL_CLUSTER_NETWORK_POLICY)
    group, plural = "experimental.example", made["spec"]["names"]["plural"]
    made["spec"]["group"], made["metadata"]["name"] = group, f"{plural}.{group}"
    define(kube_server, made)
    found = generate(
        reference_edges.edges(),
        reference_edges.manifests(),
        reference_edges.labels(),
        Options(namespaces=("netobserv", "noo-loki")),
    )
    peers = []
    labels = {p.label for d in found.drafts for rs in d.rules.values() for r in rs for p in r.peers}
    domains = {label: ["*.s3.eu-west-3.amazonaws.com"] for label in labels - {""}}
    for one in manifests(found.drafts, Kind.CLUSTER_NODES, found.report, domains):
        one["apiVersion"] = f"{group}/v1alpha2"
        url = f"/apis/{group}/v1alpha2/{plural}?dryRun=All&fieldValidation=Strict"
        answer = kube_server.request("POST", url, one)
        assert answer["spec"] == one["spec"]
        peers += [peer for rule in one["spec"].get("egress", ()) for peer in rule["to"]]
    assert any("nodes" in peer for peer in peers)
    assert any("domainNames" in peer for peer in peers)


def test_the_policies_of_the_reference_scenario(kube_server: ApiServer, space: str) -> None:
    found = generate(
        reference_edges.edges(),
        reference_edges.manifests(),
        reference_edges.labels(),
        Options(
            namespaces=("netobserv", "noo-loki"),
            dns="openshift-dns/dns-default",
            default_deny=True,
        ),
    )
    assert len(found.drafts) == 9
    for draft in found.drafts:
        accepted(kube_server, draft, space)


@pytest.mark.parametrize("value", VALUES)
def test_label_values_that_yaml_takes_for_something_else(
    kube_server: ApiServer, space: str, value: str
) -> None:
    """Unquoted, the server would refuse some of them, and others would be another value."""
    selector = LabelSelector({"app": value, "n": value})
    peer = Peer(PeerKind.PODS, "peer", "y", selector)
    rule = Rule((peer,), (Port("TCP", 80),), ("n\ny",))
    accepted(kube_server, Draft("", "n", None, selector, {Direction.INGRESS: (rule,)}), space)


_LABELS = st.dictionaries(
    st.from_regex("[a-z]([a-z0-9]{0,8}[a-z0-9])?", fullmatch=True),
    st.from_regex("([A-Za-z0-9]([-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?)?", fullmatch=True),
    min_size=1,
    max_size=3,
)
_SELECTORS = st.one_of(
    st.builds(LabelSelector, _LABELS),
    st.builds(
        lambda key, values: LabelSelector(None, (Requirement(key, Operator.IN, tuple(values)),)),
        st.sampled_from(["app", "n"]),
        st.lists(st.sampled_from(["n", "1e3", "web"]), min_size=1, unique=True),
    ),
)
_PEERS = st.one_of(
    st.builds(
        lambda namespace, selector: Peer(PeerKind.PODS, "pods", namespace, selector),
        st.sampled_from(["", "other", "n"]),
        _SELECTORS,
    ),
    st.sampled_from(
        [
            Peer(PeerKind.NETWORK, "v4", blocks=(Block("10.0.0.0/8", ("10.1.0.0/16",)),)),
            Peer(PeerKind.NODE, "v6", blocks=(Block("2001:db8::7/128"), Block("0.0.0.0/0"))),
        ]
    ),
)
_PORTS = st.builds(Port, st.sampled_from(["TCP", "UDP", "SCTP"]), st.integers(1, 65535))
_RULES = st.builds(
    Rule,
    st.lists(_PEERS, min_size=1, max_size=3).map(tuple),
    st.lists(_PORTS, min_size=1, max_size=3, unique=True).map(tuple),
    st.lists(st.text(max_size=20), max_size=2).map(tuple),
)
_SIDES = st.dictionaries(
    st.sampled_from(list(Direction)), st.lists(_RULES, max_size=3).map(tuple), min_size=1
)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(selector=_SELECTORS, rules=_SIDES)
def test_any_policy(
    kube_server: ApiServer, space: str, selector: LabelSelector, rules: dict[Direction, Any]
) -> None:
    accepted(kube_server, Draft("", "any", None, selector, rules), space)
