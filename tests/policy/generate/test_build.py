"""Policies from edges: the reference scenario row by row, and what must not become a rule."""

from __future__ import annotations

from typing import Any

import pytest

from matrix.edges import State
from pipeline.kube.subnets import Label
from policy.generate.build import Generated, Options, generate
from policy.generate.draft import Draft, PeerKind
from policy.generate.report import Topic
from policy.networkpolicy import Direction
from tests.support import reference_edges
from tests.support.edge_rows import End, edge, frame, workload

Row = tuple[str, str, str, str]
LOKI = "Deployment noo-loki/loki-gateway"
NODES = "6 nodes"


def rows(drafts: list[Draft]) -> set[Row]:
    """Policy, direction, peer and port; nodes are counted."""
    found = set()
    for draft in drafts:
        for direction, rules in draft.rules.items():
            for rule in rules:
                nodes = [peer for peer in rule.peers if peer.kind is PeerKind.NODE]
                names = [peer.name for peer in rule.peers if peer not in nodes]
                names += [f"{len(nodes)} nodes"] if nodes else []
                found |= {
                    (draft.name, str(direction), name, f"{port.protocol} {port.number}")
                    for name in names
                    for port in rule.ports
                }
    return found


def reference(**options: Any) -> Generated:
    return generate(
        reference_edges.edges(),
        reference_edges.manifests(),
        reference_edges.labels(),
        Options(namespaces=("netobserv",), **options),
    )


RESOLVER = "DaemonSet openshift-dns/dns-default"
PROMETHEUS = "StatefulSet openshift-monitoring/prometheus-k8s"
OBSERVED = {
    ("flowlogs-pipeline", "Ingress", NODES, "TCP 2055"),
    ("flowlogs-pipeline", "Ingress", NODES, "TCP 8080"),
    ("flowlogs-pipeline", "Ingress", PROMETHEUS, "TCP 9401"),
    ("flowlogs-pipeline", "Egress", LOKI, "TCP 8080"),
    ("flowlogs-pipeline", "Egress", "2 nodes", "TCP 6443"),
    ("flowlogs-pipeline", "Egress", RESOLVER, "UDP 5353"),
    ("netobserv-plugin", "Ingress", "Deployment openshift-console/console", "TCP 9001"),
    ("netobserv-plugin", "Ingress", PROMETHEUS, "TCP 9002"),
    ("netobserv-plugin", "Egress", LOKI, "TCP 8080"),
    ("netobserv-plugin", "Egress", "Deployment noo-loki/loki-query-frontend", "TCP 3100"),
    ("netobserv-plugin", "Egress", "Deployment openshift-monitoring/thanos-querier", "TCP 9091"),
    ("netobserv-plugin", "Egress", "3 nodes", "TCP 6443"),
    ("netobserv-plugin", "Egress", RESOLVER, "UDP 5353"),
    ("netobserv-plugin", "Ingress", "Deployment openshift-console/console", "TCP 9443"),
}
"""docs/reference/scenario.md#network-policy, of DNS what was seen.

The last row is of the connections whose records have no flags: they count nowhere in the tables of
the scenario, but they are answered.
"""


def test_the_reference_scenario_row_by_row() -> None:
    found = reference()
    assert rows(found.drafts) == OBSERVED
    assert found.report.is_complete
    assert found.report.established == found.report.ruled


def test_declared_dns_adds_what_was_not_seen() -> None:
    """The rest of the list: TCP, and port 53; marked as declared and in the report."""
    found = reference(dns="openshift-dns/dns-default")
    declared = {
        (name, "Egress", RESOLVER, port)
        for name in ("flowlogs-pipeline", "netobserv-plugin")
        for port in ("TCP 53", "TCP 5353", "UDP 53")
    }
    assert rows(found.drafts) == OBSERVED | declared
    marked = [r for d in found.drafts for r in d.rules[Direction.EGRESS] if r.is_declared]
    assert len(marked) == 2
    assert {one.subject for one in found.report.findings if one.topic is Topic.DECLARED} == {
        "netobserv/flowlogs-pipeline",
        "netobserv/netobserv-plugin",
    }


def test_nodes_are_named_by_the_addresses_of_their_label() -> None:
    """Agents and probes come from the addresses in the pod network, the API has the others."""
    collector = next(d for d in reference().drafts if d.name == "flowlogs-pipeline")
    of = {
        direction: {
            block.cidr
            for rule in collector.rules[direction]
            for peer in rule.peers
            for block in peer.blocks
        }
        for direction in Direction
    }
    assert of[Direction.INGRESS] == {f"10.128.{2 * number}.2/32" for number in range(6)}
    assert of[Direction.EGRESS] == {"10.0.70.179/32", "10.0.31.28/32"}


def test_the_order_of_edges_and_objects_does_not_matter() -> None:
    edges, manifests = reference_edges.edges(), reference_edges.manifests()
    options = Options(namespaces=("netobserv", "noo-loki"), default_deny=True)
    first = generate(edges, manifests, reference_edges.labels(), options)
    second = generate(edges.reverse(), manifests[::-1], reference_edges.labels(), options)
    assert first == second


def messages(found: Generated, topic: Topic) -> list[str]:
    """What the report says of a topic."""
    return [
        f"{one.subject}: {one.message}" if one.message else one.subject
        for one in found.report.findings
        if one.topic is topic
    ]


def controller(kind: str, name: str, labels: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"selector": {"matchLabels": labels}, **more},
    }


def pod(name: str, labels: dict[str, str], owner: str, ip: str, **spec: Any) -> dict[str, Any]:
    kind, _, of = owner.partition(" ")
    owners = [{"kind": kind, "name": of, "controller": True}] if owner else []
    return {
        "kind": "Pod",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "labels": labels,
            "ownerReferences": owners,
        },
        "spec": {"nodeName": "worker", **spec},
        "status": {"phase": "Running", "podIP": ip, "hostIP": "192.0.2.1"},
    }


WEB, DB = workload("Deployment shop/web"), workload("StatefulSet shop/db")
SHOP = [
    {"kind": "Namespace", "metadata": {"name": "shop"}},
    controller("Deployment", "web", {"app": "web"}),
    pod("web-1", {"app": "web"}, "Deployment web", "10.1.0.1"),
    controller("StatefulSet", "db", {"app": "db"}),
    pod("db-0", {"app": "db"}, "StatefulSet db", "10.1.0.2"),
    {
        "kind": "Node",
        "metadata": {"name": "worker"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    },
]
SHOP_LABELS = [
    Label("EXT:S3", ["198.51.100.0/24", "2001:db8:5::/48"]),
    Label("EXT:Cloud", ["198.51.0.0/16"]),
    Label("Pods", ["10.1.0.0/16"]),
]


def shop(
    *edges: dict[str, Any],
    objects: list[dict[str, Any]] | None = None,
    labels: list[Label] | None = None,
    **options: Any,
) -> Generated:
    given = SHOP_LABELS if labels is None else labels
    chosen = Options(namespaces=("shop",), **options)
    return generate(frame(*edges), [*SHOP, *(objects or [])], given, chosen)


def test_edges_inside_a_namespace_have_a_rule_at_both_ends() -> None:
    found = shop(edge(WEB, DB, "TCP 5432"))
    assert rows(found.drafts) == {
        ("web", "Egress", "StatefulSet shop/db", "TCP 5432"),
        ("db", "Ingress", "Deployment shop/web", "TCP 5432"),
    }
    assert messages(found, Topic.LEFT_OPEN) == [
        "Deployment shop/web: Ingress",
        "StatefulSet shop/db: Egress",
    ]


def test_an_edge_inside_a_namespace_counts_once() -> None:
    """As in `policy verify`, although a policy decides it at both ends."""
    unlabelled = edge(WEB, End(address="192.0.2.99"), "TCP 443")
    found = shop(edge(WEB, DB, "TCP 5432"), unlabelled)
    assert (found.report.established, found.report.ruled) == (2, 1)


@pytest.mark.parametrize("state", [State.ATTEMPTED, State.DENIED, State.UNCERTAIN])
def test_only_established_edges_make_rules(state: State) -> None:
    found = shop(edge(WEB, DB, "TCP 5432", state=state))
    assert found.drafts == []
    assert len(messages(found, Topic.NOT_ESTABLISHED)) == 1
    assert found.report.is_complete


def test_rules_are_exact_products() -> None:
    """Two ports of one peer and one of another are two rules, not one of both."""
    other = workload("Deployment shop/web"), workload("StatefulSet shop/cache")
    objects = [
        controller("StatefulSet", "cache", {"app": "cache"}),
        pod("cache-0", {"app": "cache"}, "StatefulSet cache", "10.1.0.3"),
    ]
    pairs = [(DB, "TCP 1"), (DB, "TCP 2"), (other[1], "TCP 1")]
    found = shop(*(edge(WEB, server, at) for server, at in pairs), objects=objects)
    web = next(draft for draft in found.drafts if draft.name == "web")
    products = {
        (peer.name, port.number)
        for rule in web.rules[Direction.EGRESS]
        for peer in rule.peers
        for port in rule.ports
    }
    assert products == {
        ("StatefulSet shop/db", 1),
        ("StatefulSet shop/db", 2),
        ("StatefulSet shop/cache", 1),
    }


def blocks(found: Generated) -> dict[str, list[str]]:
    """The blocks of all peers and their exceptions."""
    return {
        block.cidr: list(block.exceptions)
        for draft in found.drafts
        for rules in draft.rules.values()
        for rule in rules
        for peer in rule.peers
        for block in peer.blocks
    }


def test_a_label_is_its_networks() -> None:
    found = shop(edge(WEB, End(label="EXT:S3"), "TCP 443"))
    assert blocks(found) == {"198.51.100.0/24": [], "2001:db8:5::/48": []}
    (wider,) = messages(found, Topic.WIDER)
    assert wider.endswith(f"label EXT:S3: 198.51.100.0/24 and 1 more, {256 + 2**80:,} addresses")


@pytest.mark.parametrize("network", ["198.51.100.7/32", "2001:db8::7/128"])
def test_a_label_of_one_address_is_not_wider_than_what_was_seen(network: str) -> None:
    found = shop(edge(WEB, End(label="EXT:Pay"), "TCP 443"), labels=[Label("EXT:Pay", [network])])
    assert blocks(found) == {network: []}
    assert messages(found, Topic.WIDER) == []


def test_a_label_is_not_the_networks_of_a_label_that_comes_first() -> None:
    found = shop(edge(WEB, End(label="EXT:Cloud"), "TCP 443"))
    assert blocks(found) == {"198.51.0.0/16": ["198.51.100.0/24"]}


def test_no_block_covers_addresses_of_pods() -> None:
    """The pod network is an exception of wider labels, and so is a pod outside it."""
    labels = [Label("Corporate", ["10.0.0.0/8", "192.168.0.0/16"]), *SHOP_LABELS]
    stray = pod("stray", {"app": "stray"}, "", "192.168.7.7")
    found = shop(edge(WEB, End(label="Corporate"), "TCP 1"), objects=[stray], labels=labels)
    assert blocks(found) == {
        "10.0.0.0/8": ["10.1.0.0/16"],
        "192.168.0.0/16": ["192.168.7.7/32"],
    }


def test_a_label_inside_the_pod_network_has_no_rule() -> None:
    found = shop(edge(WEB, End(label="Pods"), "TCP 1"))
    assert found.drafts == []
    assert not found.report.is_complete
    (told,) = messages(found, Topic.NO_RULE)
    assert told.endswith("label Pods: 10.1.0.0/16, in the pod network 10.1.0.0/16")


@pytest.mark.parametrize(
    ("address", "block"),
    [("203.0.113.7", "203.0.113.7/32"), ("2001:db8::7", "2001:db8::7/128")],
)
def test_addresses_without_label_only_when_asked_for(address: str, block: str) -> None:
    one = edge(WEB, End(address=address), "TCP 443")
    found = shop(one)
    assert found.drafts == []
    assert not found.report.is_complete
    (told,) = messages(found, Topic.NO_RULE)
    assert (
        told == f"Egress: Deployment shop/web -> {address} TCP 443: the address has no subnet label"
    )
    asked = shop(one, allow_unlabelled=True)
    assert blocks(asked) == {block: []}
    assert asked.report.is_complete


@pytest.mark.parametrize("address", ["203.0.113.0/24", "2001:db8::/64", "__overflow__"])
def test_what_stands_for_many_addresses_never_has_a_rule(address: str) -> None:
    found = shop(edge(WEB, End(address=address), "TCP 443"), allow_unlabelled=True)
    assert found.drafts == []
    assert not found.report.is_complete


@pytest.mark.parametrize("address", ["10.1.0.1", "10.1.200.200"])
def test_an_address_of_the_pod_network_never_has_a_rule(address: str) -> None:
    found = shop(edge(WEB, End(address=address), "TCP 443"), allow_unlabelled=True)
    assert found.drafts == []
    assert not found.report.is_complete


def test_a_link_local_resolver_needs_no_label() -> None:
    """Node-local DNS and those of clouds; at port 53 only."""
    found = shop(edge(WEB, End(address="169.254.20.10"), "UDP 53"))
    assert blocks(found) == {"169.254.20.10/32": []}
    assert not shop(edge(WEB, End(address="169.254.169.254"), "TCP 80")).report.is_complete


def test_a_selector_that_covers_other_workloads_is_told() -> None:
    also = pod("web-canary-1", {"app": "web", "track": "canary"}, "Deployment canary", "10.1.0.9")
    found = shop(edge(WEB, DB, "TCP 5432"), objects=[also])
    assert messages(found, Topic.WIDER) == [
        "shop/db, Ingress, Deployment shop/web: its selector also covers Deployment shop/canary",
        "shop/web: its selector also covers Deployment shop/canary",
    ]


def test_a_selector_that_misses_a_pod_is_refused() -> None:
    missed = pod("web-2", {"app": "wev"}, "Deployment web", "10.1.0.9")
    found = shop(edge(WEB, DB, "TCP 5432"), objects=[missed])
    assert messages(found, Topic.CANNOT_SELECT) == [
        "Deployment shop/web: its selector does not match its pod web-2"
    ]
    assert messages(found, Topic.NO_RULE) == [
        (
            "Ingress: Deployment shop/web -> StatefulSet shop/db TCP 5432: "
            "Deployment shop/web cannot be selected: its selector does not match its pod web-2"
        )
    ]
    assert not found.report.is_complete


def test_the_host_network_has_no_policy_and_is_a_peer_by_its_nodes() -> None:
    agent = pod("agent-1", {"app": "agent"}, "DaemonSet agent", "192.0.2.1", hostNetwork=True)
    one = workload("DaemonSet shop/agent")
    found = shop(edge(one, WEB, "TCP 80"), objects=[agent])
    assert messages(found, Topic.HOST_NETWORK) == ["DaemonSet shop/agent"]
    assert blocks(found) == {"192.0.2.1/32": []}


def test_a_service_without_pods_makes_no_rule() -> None:
    found = shop(edge(WEB, workload("Service shop/gone"), "TCP 80"))
    assert found.drafts == []
    assert not found.report.is_complete


@pytest.mark.parametrize("at", ["ICMP", "ICMPv6", "47", "TCP", "TCP 0", "TCP 65536"])
def test_what_a_policy_has_no_word_for_is_told(at: str) -> None:
    found = shop(edge(WEB, DB, at))
    assert found.drafts == []
    assert len(messages(found, Topic.OTHER_PROTOCOL)) == 1


def test_default_deny_is_a_policy_of_its_own() -> None:
    """It denies both directions of all pods; whoever would go dark is named."""
    found = shop(edge(WEB, DB, "TCP 5432"), default_deny=True)
    deny = next(draft for draft in found.drafts if draft.name == "default-deny")
    assert deny.workload is None
    assert deny.rules == {Direction.INGRESS: (), Direction.EGRESS: ()}
    assert messages(found, Topic.DARK) == [
        "Deployment shop/web: Ingress",
        "StatefulSet shop/db: Egress",
    ]
    assert messages(found, Topic.LEFT_OPEN) == []


def test_no_edges_no_policy() -> None:
    found = shop()
    assert found.drafts == []
    assert found.report.window == ("", "")
    assert messages(found, Topic.LEFT_OPEN) == [
        "Deployment shop/web: Ingress and Egress",
        "StatefulSet shop/db: Ingress and Egress",
    ]


def test_what_was_seen_of_no_resolver_is_told() -> None:
    assert messages(shop(edge(WEB, DB, "TCP 5432")), Topic.NOTE) == [
        "shop/web: no DNS was seen: see --dns"
    ]


def test_how_many_of_the_nodes_were_seen_is_told() -> None:
    """A policy for some nodes of many is one to look at."""
    second = {"kind": "Node", "metadata": {"name": "second"}, "status": {}}
    found = shop(edge(workload("Node worker"), WEB, "TCP 80"), objects=[second])
    assert messages(found, Topic.NOTE) == ["shop/web: Ingress: 1 of 2 nodes, by their addresses"]


def test_other_namespaces_are_left_alone() -> None:
    far = workload("Deployment far/away")
    found = shop(edge(far, workload("Deployment far/off"), "TCP 1"))
    assert found.drafts == []
    assert found.report.established == 0
