"""What is refused: as the API server does it, with the place and the nearest valid name."""

from __future__ import annotations

import json

import pytest

from pipeline.diagnostics import dotted
from policy import checks
from policy.networkpolicy import parse
from tests.real.apiserver import ApiServer
from tests.support.policies import netpol

REFUSED = {
    "podselector: {}": 'podselector: unknown field; did you mean "podSelector"?',
    "ingress: {}": "ingress: expected list or nothing, got mapping",
    "ingress: [{to: [{podSelector: {}}]}]": "ingress[0].to: unknown field; fields are ports, from",
    "egress: [{from: []}]": "egress[0].from: unknown field; fields are ports, to",
    "policyTypes: [ingress]": ('policyTypes[0]: unknown value "ingress"; did you mean "Ingress"?'),
    "policyTypes: [Ingress, Egress, Ingress]": "policyTypes: more than two policy types",
    "ingress: [{from: [{}]}]": (
        "ingress[0].from[0]: an empty peer; give podSelector, namespaceSelector or ipBlock"
    ),
    "ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]": (
        "ingress[0].from[0]: ipBlock cannot stand beside podSelector"
    ),
    "egress: [{to: [{ipBlock: {cidr: 10.0.0.1}}]}]": (
        'egress[0].to[0].ipBlock.cidr: "10.0.0.1" is not a valid CIDR; '
        "write 10.0.0.1/32 for one address"
    ),
    "egress: [{to: [{ipBlock: {cidr: 10.0.0.0/33}}]}]": (
        'egress[0].to[0].ipBlock.cidr: "10.0.0.0/33" is not a valid CIDR'
    ),
    "egress: [{to: [{ipBlock: {}}]}]": 'egress[0].to[0].ipBlock: missing field "cidr"',
    "egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}]": (
        "egress[0].to[0].ipBlock.except[0]: 11.0.0.0/9 must be a part of 10.0.0.0/8, and smaller"
    ),
    "egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]": (
        "egress[0].to[0].ipBlock.except[0]: 10.0.0.0/8 must be a part of 10.0.0.0/8, and smaller"
    ),
    "ingress: [{ports: [{port: 0}]}]": "ingress[0].ports[0].port: 0 is not a port (1 to 65535)",
    "ingress: [{ports: [{port: 65536}]}]": (
        "ingress[0].ports[0].port: 65536 is not a port (1 to 65535)"
    ),
    'ingress: [{ports: [{port: "80"}]}]': (
        'ingress[0].ports[0].port: "80" is not a valid name of a port; write numbers without quotes'
    ),
    "ingress: [{ports: [{port: a-name-of-16-let}]}]": (
        'ingress[0].ports[0].port: "a-name-of-16-let" is not a valid name of a port'
    ),
    "ingress: [{ports: [{port: 80, endPort: 79}]}]": (
        "ingress[0].ports[0].endPort: 79 is not a port from 80 to 65535"
    ),
    "ingress: [{ports: [{port: http, endPort: 90}]}]": (
        "ingress[0].ports[0].endPort: a range needs a number as port"
    ),
    "ingress: [{ports: [{endPort: 90}]}]": (
        "ingress[0].ports[0].endPort: a range needs a number as port"
    ),
    "ingress: [{ports: [{protocol: ICMP}]}]": (
        'ingress[0].ports[0].protocol: unknown value "ICMP"; one of TCP, UDP, SCTP'
    ),
    "podSelector: {matchLabels: {app: -x}}": (
        'podSelector.matchLabels.app: "-x" is not a valid value of a label'
    ),
    "podSelector: {matchLabels: {a/b/c: x}}": (
        'podSelector.matchLabels.a/b/c: "a/b/c" is not a valid key of a label'
    ),
    "podSelector: {matchLabels: {app: 1}}": "podSelector.matchLabels.app: expected text, got int",
    "podSelector: {matchExpressions: [{key: app, operator: In}]}": (
        "podSelector.matchExpressions[0]: In needs values"
    ),
    "podSelector: {matchExpressions: [{key: app, operator: Exists, values: [x]}]}": (
        "podSelector.matchExpressions[0]: Exists has no values"
    ),
    "podSelector: {matchExpressions: [{key: app, operator: Gt, values: ['1']}]}": (
        'podSelector.matchExpressions[0].operator: unknown value "Gt"; '
        "one of In, NotIn, Exists, DoesNotExist"
    ),
}
ACCEPTED = [
    "",
    "podSelector: null",
    "{podSelector: {}, ingress: null, egress: []}",
    "ingress: [{}]",
    "ingress: [{from: [], ports: []}]",
    "ingress: [{from: [{podSelector: {}, namespaceSelector: {}}]}]",
    "ingress: [{ports: [{protocol: SCTP}, {port: 1, endPort: 65535}, {port: a-name-of-15-le}]}]",
    "egress: [{to: [{ipBlock: {cidr: '2001:db8::/32', except: ['2001:db8:1::/48']}}]}]",
    "egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.1.1.0/24]}}]}]",
    "egress: [{to: [{ipBlock: {cidr: 10.0.0.5/8}}]}]",
    "policyTypes: [Egress, Egress]",
    "podSelector: {matchLabels: {app: '', example.com/a.b: A_b.1}}",
]


def printed(spec: str) -> list[str]:
    return [
        f"{dotted(one.path)}: {one.message}{f'; {one.hint}' if one.hint else ''}"
        for one in checks.problems(netpol("shop/p", spec))
    ]


@pytest.mark.parametrize("spec", REFUSED)
def test_refused(spec: str) -> None:
    assert printed(spec) == [f"spec.{REFUSED[spec]}"]


@pytest.mark.parametrize("spec", ACCEPTED)
def test_accepted(spec: str) -> None:
    assert printed(spec) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": {}}, 'metadata: missing field "name"'),
        ({"metadata": {"name": None}}, 'metadata: missing field "name"'),
        ({"metadata": {"name": "A"}}, 'metadata.name: "A" is not a valid name'),
        (
            {"metadata": {"name": "a", "namespace": "a.b"}},
            'metadata.namespace: "a.b" is not a valid namespace',
        ),
        ({"metadata": None}, "metadata: expected mapping, got nothing"),
        ({"specs": {}}, "specs: unknown field"),
        ({"apiVersion": "extensions/v1beta1"}, "apiVersion: unknown value"),
    ],
)
def test_the_object_around_the_spec(change: dict[str, object], message: str) -> None:
    (problem,) = checks.problems(netpol("shop/p", "") | change)
    assert f"{dotted(problem.path)}: {problem.message}".startswith(message)


def test_all_problems_at_once() -> None:
    assert len(printed("ingress: [{ports: [{port: 0}, {port: 1, endPort: 0}]}, {from: [{}]}]")) == 3


def test_an_api_server_agrees(kube_server: ApiServer, space: str) -> None:
    """It refuses and accepts the same, and sets the same policy types and protocols."""
    path = f"/apis/networking.k8s.io/v1/namespaces/{space}/networkpolicies"
    strict = f"{path}?dryRun=All&fieldValidation=Strict"
    for spec in REFUSED:
        with pytest.raises(RuntimeError, match=r"400|422"):
            kube_server.request("POST", strict, netpol(f"{space}/p", spec))
    for spec in ACCEPTED:
        given = netpol(f"{space}/p", spec)
        stored = kube_server.request("POST", strict, given)
        ours = parse(given)
        assert {one.value for one in ours.directions} == set(stored["spec"]["policyTypes"]), spec
        again = parse({key: stored[key] for key in ("apiVersion", "kind", "metadata", "spec")})
        assert again._replace(place=ours.place) == ours, json.dumps(stored)
