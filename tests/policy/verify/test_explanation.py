from __future__ import annotations

import pytest

from pipeline.kube.subnets import Label
from policy.ends import End
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from policy.verify.explanation import NoEndError, end, explained

LABELS = [Label("EXT:S3", ["3.5.0.0/16"])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("shop/web", "Deployment shop/web"),
        ("Deployment/shop/web", "Deployment shop/web"),
        ("shop/web-1", "Pod shop/web-1"),
        ("n1", "Node n1"),
        ("10.0.0.1", "10.0.0.1"),
        ("fd00::/8", "fd00::/8"),
        ("EXT:S3", "EXT:S3"),
    ],
)
def test_ends(text: str, found: str, cluster: Cluster) -> None:
    assert str(end(text, cluster, LABELS)) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shop/wbe", 'nothing is called "shop/wbe"; did you mean "shop/web"?'),
        ("300.0.0.1", 'nothing is called "300.0.0.1"; write NAMESPACE/NAME, a node'),
    ],
)
def test_a_text_that_names_nothing(text: str, message: str, cluster: Cluster) -> None:
    with pytest.raises(NoEndError) as error:
        end(text, cluster, LABELS)
    assert str(error.value).startswith(message)


NODE = (
    "node traffic is not decided by policy: a pod's own node is let through, "
    "others where a rule has their address"
)
EXPLAINED = {
    ("shop/web", "shop/db", 5432): [
        "allowed",
        "egress of Deployment shop/web: allowed, by shop/web egress[0]",
        "ingress of StatefulSet shop/db: allowed, by shop/db ingress[0]",
    ],
    ("mon/prom", "shop/db", 1): [
        "denied",
        "egress of Pod mon/prom: no policy isolates it",
        "ingress of StatefulSet shop/db: denied, isolated by shop/db",
    ],
    ("n1", "shop/db", 1): [
        "undecided",
        "egress of Node n1: no policy isolates it",
        "ingress of StatefulSet shop/db: undecided, isolated by shop/db",
        NODE,
    ],
    ("shop/web", "EXT:S3", 443): [
        "differs",
        "egress of Deployment shop/web: differs, by shop/web egress[1], isolated by shop/web",
        "ingress of EXT:S3: no policy isolates it",
        "2 of 4 pairs are denied, for example web-1 to 3.5.9.0",
    ],
}


@pytest.mark.parametrize("asked", EXPLAINED)
def test_explained(
    asked: tuple[str, str, int], policies: list[NetworkPolicy], cluster: Cluster
) -> None:
    client, server, port = asked
    ends: tuple[End, End] = (end(client, cluster, LABELS), end(server, cluster, LABELS))
    verdict, lines = explained(policies, cluster, LABELS, ends, ("TCP", port))
    assert [verdict, *lines] == EXPLAINED[asked]
