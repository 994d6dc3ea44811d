"""Verdicts of edges, case by case of the documents of Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.kube.subnets import Label
from policy.judge.evaluator import Evaluator
from policy.judge.verdicts import VERDICTS
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from tests.support.policies import edge, edges, namespace, node, pod, policy

CLUSTER = Cluster(
    [
        namespace("shop", team="a"),
        namespace("mon"),
        node("n1", "192.168.0.1"),
        node("n2", "192.168.0.2"),
        pod(
            "shop/web-1", "10.1.0.1", labels={"app": "web", "tier": "front"},
            ports={"http": 8080, "udp-dns": 53}, node="n1",
        ),
        pod("shop/db-1", "10.1.0.2", labels={"app": "db"}, ports={"http": 5432}),
        pod("mon/prom-1", "10.2.0.1", labels={"app": "prom"}),
        pod("mon/agent-1", "192.168.0.1", labels={"app": "agent"}, node="n1", host=True),
    ]
)  # fmt: skip
WEB, DB, PROM, AGENT = "Pod/shop/web-1", "Pod/shop/db-1", "Pod/mon/prom-1", "Pod/mon/agent-1"


def one(spec: str, *row: Any, name: str = "shop/p") -> dict[str, Any]:
    return judged([policy(name, spec)], *row)


def judged(policies: list[NetworkPolicy], *row: Any, cluster: Cluster = CLUSTER) -> dict[str, Any]:
    found = Evaluator(policies, cluster, LABELS).judge(edges(edge(*row))).verdicts
    return found.row(0, named=True)


LABELS = [
    Label("EXT:aws", ["3.5.0.0/16", "3.7.0.0/16"]),
    Label("none", []),
    Label("Machines", ["192.168.0.0/16"]),
    Label("Pods", ["10.0.0.0/8"]),
]


def test_without_policies_everything_is_open() -> None:
    assert judged([], PROM, WEB) == {
        "edge": 0,
        "verdict": "allowed",
        "egress": "open",
        "ingress": "open",
        "allowed_by": [],
        "isolated_by": [],
        "why": "",
    }


def test_a_policy_isolates_only_the_pods_and_directions_that_it_is_for() -> None:
    spec = "podSelector: {matchLabels: {app: web}}"
    assert one(spec, PROM, WEB)["verdict"] == "denied"
    assert one(spec, PROM, WEB)["isolated_by"] == ["shop/p ingress"]
    assert one(spec, WEB, PROM)["verdict"] == "allowed"
    assert one(spec, PROM, DB)["verdict"] == "allowed"
    assert one(spec, PROM, WEB, name="mon/p")["verdict"] == "allowed"


@pytest.mark.parametrize(
    ("spec", "out", "into"),
    [
        ("", "allowed", "denied"),
        ("policyTypes: [Egress]", "denied", "allowed"),
        ("policyTypes: [Ingress, Egress]", "denied", "denied"),
        ("egress: []", "allowed", "denied"),
        ("egress: [{ports: [{port: 1}]}]", "denied", "denied"),
        ("egress: [{}]", "allowed", "denied"),
        ("{policyTypes: [Ingress], egress: [{ports: [{port: 1}]}]}", "allowed", "denied"),
    ],
)
def test_defaults_of_policy_types(spec: str, out: str, into: str) -> None:
    """Ingress always, Egress where there are such rules; `policyTypes` says otherwise."""
    assert one(spec, WEB, PROM)["verdict"] == out
    assert one(spec, PROM, WEB)["verdict"] == into


PEERS = {
    "podSelector: {}": (False, True),
    "podSelector: {matchLabels: {app: db}}": (False, True),
    "namespaceSelector: {}": (True, True),
    "namespaceSelector: {matchLabels: {team: a}}": (False, True),
    "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: mon}}": (True, False),
    "{namespaceSelector: {}, podSelector: {matchLabels: {app: prom}}}": (True, False),
    "{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: prom}}}": (
        *(False, False),
    ),
    "podSelector: {matchExpressions: [{key: app, operator: In, values: [x, db]}]}": (False, True),
    "{namespaceSelector: {}, podSelector: {matchExpressions: [{key: tier, operator: NotIn,"
    " values: [front]}]}}": (True, True),
    "{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: NotIn,"
    " values: [db]}]}}": (True, False),
    "namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}": (False, True),
    "namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}": (True, False),
    "namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [a]}]}": (
        *(True, False),
    ),
    "ipBlock: {cidr: 10.2.0.0/16}": (True, False),
    "ipBlock: {cidr: 10.0.0.0/8, except: [10.2.0.0/16]}": (False, True),
}


@pytest.mark.parametrize("peer", PEERS)
def test_peers(peer: str) -> None:
    """From another namespace and from the same one, for ingress and for egress."""
    for other, allowed in zip((PROM, DB), PEERS[peer], strict=True):
        expected = "allowed" if allowed else "denied"
        web = "podSelector: {matchLabels: {app: web}}\n"
        assert one(f"{web}ingress:\n- from:\n  - {peer}", other, WEB)["verdict"] == expected
        spec = f"{web}policyTypes: [Egress]\negress:\n- to:\n  - {peer}"
        assert one(spec, WEB, other)["verdict"] == expected


@pytest.mark.parametrize(
    ("ports", "asked", "allowed"),
    [
        ("[{port: 8080}]", (8080, "TCP"), True),
        ("[{port: 8080}]", (8080, "UDP"), False),
        ("[{port: 8080}]", (8081, "TCP"), False),
        ("[{port: 8080, protocol: UDP}]", (8080, "UDP"), True),
        ("[{protocol: SCTP}]", (7, "SCTP"), True),
        ("[{protocol: SCTP}]", (7, "TCP"), False),
        ("[{port: 8000, endPort: 8080}]", (8000, "TCP"), True),
        ("[{port: 8000, endPort: 8080}]", (8080, "TCP"), True),
        ("[{port: 8000, endPort: 8080}]", (8081, "TCP"), False),
        ("[{port: http}]", (8080, "TCP"), True),
        ("[{port: http}]", (5432, "TCP"), False),
        ("[{port: http, protocol: UDP}]", (8080, "UDP"), False),
        ("[{port: udp-dns, protocol: UDP}]", (53, "UDP"), True),
        ("[{port: nobody}]", (8080, "TCP"), False),
        ("[{port: 1}, {port: 8080}]", (8080, "TCP"), True),
        ("[]", (9, "UDP"), True),
    ],
)
def test_ports(ports: str, asked: tuple[int, str], allowed: bool) -> None:  # noqa: FBT001
    """A named port is the one of the server's pod, for ingress and for egress."""
    verdict = "allowed" if allowed else "denied"
    assert one(f"ingress: [{{ports: {ports}}}]", PROM, WEB, *asked)["verdict"] == verdict
    spec = f"{{policyTypes: [Egress], egress: [{{ports: {ports}}}]}}"
    assert one(spec, PROM, WEB, *asked, name="mon/p")["verdict"] == verdict


def test_a_named_port_is_another_one_in_another_pod() -> None:
    spec = "ingress: [{ports: [{port: http}]}]"
    assert one(spec, PROM, DB, 5432)["verdict"] == "allowed"
    assert one(spec, PROM, DB, 8080)["verdict"] == "denied"


def test_policies_add_up_and_rules_say_which_one_it_was() -> None:
    policies = [
        policy("shop/deny", ""),
        policy("shop/one", "ingress: [{ports: [{port: 1}]}]"),
        policy("shop/two", "ingress: [{ports: [{port: 2}]}, {ports: [{port: 80}]}]"),
    ]
    found = judged(policies, PROM, WEB, 80)
    assert (found["verdict"], found["allowed_by"]) == ("allowed", ["shop/two ingress[1]"])
    assert found["isolated_by"] == []
    found = judged(policies, PROM, WEB, 3)
    assert found["verdict"] == "denied"
    assert found["isolated_by"] == ["shop/deny ingress", "shop/one ingress", "shop/two ingress"]


def test_both_ends_must_agree() -> None:
    out = policy("mon/out", "{policyTypes: [Egress], egress: [{ports: [{port: 80}]}]}")
    into = policy("shop/in", "ingress: [{ports: [{port: 81}]}]")
    found = judged([out, into], PROM, WEB, 80)
    assert (found["verdict"], found["egress"], found["ingress"]) == ("denied", "allowed", "denied")
    assert found["allowed_by"] == ["mon/out egress[0]"]
    found = judged([out, into], PROM, WEB, 81)
    assert (found["verdict"], found["egress"], found["ingress"]) == ("denied", "denied", "allowed")


@pytest.mark.parametrize("protocol", ["ICMP", "ICMPv6", "47"])
def test_other_protocols_are_not_decided_where_a_pod_is_isolated(protocol: str) -> None:
    found = one("ingress: [{}]", PROM, WEB, None, protocol)
    assert (found["verdict"], found["why"]) == (
        "undecided",
        "policies decide TCP, UDP and SCTP only",
    )
    assert one("policyTypes: [Egress]", PROM, WEB, None, protocol)["verdict"] == "allowed"


@pytest.mark.parametrize(
    "host", ["Node//n1", "Node//n2", "Node//unlisted", "192.168.0.2", AGENT, "label:Machines"]
)
def test_nodes_are_not_decided_but_where_a_rule_has_their_address(host: str) -> None:
    web = "podSelector: {matchLabels: {app: web}}\n"
    found = one(web, host, WEB)
    assert (found["verdict"], found["isolated_by"]) == ("undecided", ["shop/p ingress"])
    assert found["why"].startswith("node traffic is not decided by policy")
    assert one(web + "policyTypes: [Egress]", WEB, host)["verdict"] == "undecided"
    assert one(web + "policyTypes: [Egress]", host, WEB)["verdict"] == "allowed"
    assert one(web + "ingress: [{}]", host, WEB)["verdict"] == "allowed"
    selecting = web + "ingress: [{from: [{namespaceSelector: {}}]}]"
    assert one(selecting, host, WEB)["verdict"] == "undecided"
    block = web + "ingress: [{from: [{ipBlock: {cidr: 192.168.0.0/24}}]}]"
    known = host not in {"Node//unlisted", "label:Machines"}
    assert one(block, host, WEB)["verdict"] == ("allowed" if known else "undecided")


def test_a_policy_for_pods_on_the_host_network_decides_nothing() -> None:
    assert one("", PROM, AGENT, name="mon/p")["verdict"] == "undecided"
    assert one("policyTypes: [Egress]", AGENT, WEB, name="mon/p")["verdict"] == "undecided"


@pytest.mark.parametrize(
    ("outside", "allowed"),
    [
        ("3.5.206.1", True),
        ("3.5.205.175", False),
        ("3.6.0.0", False),
        ("3.5.206.0/24", True),
        ("3.5.205.0/25", False),
    ],
)
def test_addresses_outside(outside: str, allowed: bool) -> None:  # noqa: FBT001
    block = "{ipBlock: {cidr: 3.5.204.0/22, except: [3.5.205.0/24]}}"
    spec = f"{{policyTypes: [Egress], egress: [{{to: [{block}]}}]}}"
    assert one(spec, WEB, outside)["verdict"] == ("allowed" if allowed else "denied")
    into = f"ingress: [{{from: [{block}]}}]"
    assert one(into, outside, WEB)["verdict"] == ("allowed" if allowed else "denied")
    assert one(into, WEB, outside)["verdict"] == "allowed"


@pytest.mark.parametrize("network", ["3.5.204.0/22", "3.5.0.0/16", "3.5.205.0/24", "label:EXT:aws"])
def test_a_network_that_a_rule_has_in_part(network: str) -> None:
    block = "{ipBlock: {cidr: 3.5.204.0/22, except: [3.5.205.128/25]}}"
    found = one(f"{{policyTypes: [Egress], egress: [{{to: [{block}]}}]}}", WEB, network)
    assert found["verdict"] == "differs"
    assert "for example web-1 to 3." in found["why"]


def test_all_networks_of_a_label() -> None:
    blocks = "[{ipBlock: {cidr: 3.5.0.0/16}}, {ipBlock: {cidr: 3.7.0.0/16}}]"
    found = one(f"{{policyTypes: [Egress], egress: [{{to: {blocks}}}]}}", WEB, "label:EXT:aws")
    assert found["verdict"] == "allowed"


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("label:none", "none: the networks of label none are not known"),
        ("label:unlisted", "unlisted: the networks of label unlisted are not known"),
        ("Deployment/shop/gone", "Deployment shop/gone: no pod of it is known"),
        ("Service/shop/gone", "Service shop/gone: not among the objects"),
        ("label:Pods", "Pods: it is not among the objects"),
        ("label:Services", "Services: it is not among the objects"),
        ("__overflow__", "__overflow__: no address"),
    ],
)
def test_ends_behind_which_nothing_is_known(end: str, why: str) -> None:
    found = one("policyTypes: [Egress]", WEB, end)
    assert (found["verdict"], found["egress"], found["why"]) == ("unknown", "unknown", why)


@pytest.mark.parametrize("end", ["label:unlisted", "__overflow__"])
def test_an_end_outside_need_not_be_known_where_any_peer_may(end: str) -> None:
    assert one("", WEB, end)["verdict"] == "allowed"
    for spec, verdict in (
        ("ingress: [{}]", "allowed"),
        ("ingress: [{ports: [{port: 1}]}]", "unknown"),
    ):
        found = one(spec, end, WEB)
        assert (found["verdict"], found["egress"], found["ingress"]) == (verdict, "open", verdict)
    assert one("ingress: [{}]", end, WEB)["why"] == ""


def test_pods_of_a_workload_that_differ() -> None:
    """Here during an update: one pod has no label `tier` yet."""
    cluster = Cluster(
        [
            pod("shop/web-1", "10.1.0.1", labels={"tier": "front"}, owner="Deployment/web"),
            pod("shop/web-2", "10.1.0.2", owner="Deployment/web"),
            pod("shop/db-1", "10.1.0.3", labels={"app": "db"}),
        ]
    )
    rule = "{from: [{podSelector: {matchLabels: {tier: front}}}]}"
    spec = f"{{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{rule}]}}"
    found = judged([policy("shop/p", spec)], "Deployment/shop/web", DB, cluster=cluster)
    assert (found["verdict"], found["ingress"]) == ("differs", "differs")
    assert found["why"] == "1 of 2 pairs are denied, for example web-2 to db-1"
    assert (found["allowed_by"], found["isolated_by"]) == (
        ["shop/p ingress[0]"],
        ["shop/p ingress"],
    )


def test_both_address_families_of_a_pod_count() -> None:
    cluster = Cluster(
        [
            pod("shop/a", "10.1.0.1", "fd00::1", labels={"app": "a"}),
            pod("shop/b", "10.1.0.2", "fd00::2", labels={"app": "b"}),
            pod("shop/c", "fd00::3"),
        ]
    )
    to_b = "podSelector: {matchLabels: {app: b}}\ningress:\n- from:\n"
    to_b += "  - ipBlock: {cidr: 0.0.0.0/0}\n"
    four, both = policy("shop/p", to_b), policy("shop/p", to_b + "  - ipBlock: {cidr: '::/0'}\n")
    client, server = "Pod/shop/a", "Pod/shop/b"
    assert judged([four], client, server, cluster=cluster)["verdict"] == "differs"
    assert judged([both], client, server, cluster=cluster)["verdict"] == "allowed"
    assert judged([four], "Pod/shop/c", server, cluster=cluster)["verdict"] == "denied"
    lost = judged([], "10.9.9.9", "Pod/shop/c", cluster=cluster)
    assert lost["why"] == "its ends have no common address family"


def test_a_pod_always_reaches_itself() -> None:
    deny = "policyTypes: [Ingress, Egress]"
    assert one(deny, WEB, WEB) | {"edge": 0} == {
        "edge": 0,
        "verdict": "allowed",
        "egress": "open",
        "ingress": "open",
        "allowed_by": [],
        "isolated_by": [],
        "why": "a pod always reaches itself",
    }


def test_pods_of_a_workload_reach_each_other_only_if_they_may() -> None:
    two = [
        pod(f"shop/db-{n}", f"10.1.0.{n}", labels={"app": "db"}, owner="StatefulSet/db")
        for n in (1, 2)
    ]
    db = "StatefulSet/shop/db"
    assert judged([policy("shop/p", "")], db, db, cluster=Cluster(two))["verdict"] == "denied"
    assert judged([policy("shop/p", "")], db, db, cluster=Cluster(two[:1]))["verdict"] == "allowed"


SERVICE = {
    "kind": "Service",
    "metadata": {"namespace": "shop", "name": "web"},
    "spec": {
        "selector": {"app": "web"},
        "clusterIP": "172.30.0.1",
        "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
    },
}
API = {"metadata": {"namespace": "default", "name": "kubernetes"}}
API_SERVICE = API | {
    "kind": "Service",
    "spec": {"clusterIP": "172.30.0.2", "ports": [{"name": "https", "port": 443}]},
}
API_SLICE = {
    "kind": "EndpointSlice",
    "metadata": API["metadata"] | {"labels": {"kubernetes.io/service-name": "kubernetes"}},
    "endpoints": [{"addresses": ["192.168.0.9"]}],
    "ports": [{"name": "https", "port": 6443}],
}
PODS = [
    pod("shop/web-1", "10.1.0.1", labels={"app": "web"}, ports={"http": 8080}),
    pod("shop/db-1", "10.1.0.2", labels={"app": "db"}),
]


@pytest.mark.parametrize("server", ["Service/shop/web", "172.30.0.1"])
@pytest.mark.parametrize("slices", [False, True])
def test_services_are_judged_at_the_pods_and_ports_behind_them(
    server: str,
    slices: bool,  # noqa: FBT001
) -> None:
    of_web = {
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "shop",
            "name": "web-x",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "endpoints": [{"addresses": ["10.1.0.1"], "targetRef": {"kind": "Pod", "name": "web-1"}}],
        "ports": [{"name": "http", "port": 8080}],
    }
    cluster = Cluster([*PODS, SERVICE, *([of_web] if slices else [])])
    spec = "{policyTypes: [Egress, Ingress], egress: [{to: [{podSelector: {matchLabels:"
    spec += " {app: web}}}], ports: [{port: PORT}]}], ingress: [{ports: [{port: 8080}]}]}"
    target, own = (policy("shop/p", spec.replace("PORT", text)) for text in ("8080", "80"))
    assert judged([target], DB, server, 80, cluster=cluster)["verdict"] == "allowed"
    assert judged([own], DB, server, 80, cluster=cluster)["verdict"] == "denied"
    missing = judged([own], DB, server, 81, cluster=cluster)
    assert missing["why"] == "Service shop/web: it has no port TCP 81"


def test_a_service_without_pods_is_judged_at_its_addresses() -> None:
    """The API server, by its Service."""
    cluster = Cluster([*PODS, API_SERVICE, API_SLICE])
    spec = "{policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 192.168.0.9/32}}],"
    spec += " ports: [{port: PORT}]}]}"
    for port, verdict in (("6443", "allowed"), ("443", "denied")):
        found = [policy("shop/p", spec.replace("PORT", port))]
        asked = ("Service/default/kubernetes", 443)
        assert judged(found, WEB, *asked, cluster=cluster)["verdict"] == verdict
    alone = judged(
        [], WEB, "Service/default/kubernetes", 443, cluster=Cluster([*PODS, API_SERVICE])
    )
    assert alone["why"] == "Service default/kubernetes: it has no endpoints"


def test_ended_workloads_are_judged_by_what_is_known_of_them() -> None:
    template = {"metadata": {"labels": {"app": "batch"}}}
    job = {
        "kind": "CronJob",
        "metadata": {"namespace": "shop", "name": "batch"},
        "spec": {"jobTemplate": {"spec": {"template": template}}},
    }
    rule = "{from: [{podSelector: {matchLabels: {app: batch}}}]}"
    policies = [policy("shop/p", f"{{ingress: [{rule}]}}")]
    cluster = Cluster([*PODS, job])
    for name in ("CronJob/shop/batch", "Job/shop/batch-29000000"):
        assert judged(policies, name, DB, cluster=cluster)["verdict"] == "allowed"


def test_every_edge_has_its_verdict_in_order() -> None:
    rows = [edge(PROM, WEB, 80), edge(WEB, PROM, 80), edge(PROM, WEB, 81), edge(PROM, WEB, 80)]
    found = Evaluator([policy("shop/p", "ingress: [{ports: [{port: 80}]}]")], CLUSTER).judge(
        edges(*rows)
    )
    assert found.verdicts["verdict"].to_list() == ["allowed", "allowed", "denied", "allowed"]
    assert found.hits.rows() == [(0, 0), (3, 0)]
    nothing = Evaluator([], CLUSTER).judge(edges())
    assert nothing.verdicts.schema == VERDICTS
    assert found.verdicts.schema == VERDICTS
