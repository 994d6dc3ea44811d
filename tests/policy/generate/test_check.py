"""Edges that a policy denies although they have a rule of their own."""

from __future__ import annotations

from policy.generate.build import Options, generate
from policy.generate.report import Topic
from policy.objects import Manifest
from tests.support.policies import edge, edges, pod


def test_an_edge_that_another_policy_cuts_is_told() -> None:
    """The selector of `web` also covers pods of a workload that cannot be selected itself."""
    objects = [
        *deployment("shop", "web", "10.1.0.1", {"app": "web"}, {"app": "web"}),
        *deployment("shop", "canary", "10.1.0.2", {"app": "web"}, {"app": "canary"}),
        *deployment("far", "client", "10.1.0.3", {"app": "client"}, {"app": "client"}),
    ]
    client, web, canary = (
        f"Deployment/{name}" for name in ("far/client", "shop/web", "shop/canary")
    )
    seen = edges(edge(client, web, 80), edge(client, canary, 9090))
    found = generate(seen, objects, [], Options(namespaces=("shop",)))
    assert [one[1:] for one in found.report.findings if one.topic is Topic.DENIED] == [
        (
            "shop",
            "Deployment far/client -> Deployment shop/canary TCP 9090",
            "by the selector of another one",
        )
    ]
    assert not found.report.is_complete


def deployment(
    namespace: str, name: str, ip: str, labels: dict[str, str], selector: dict[str, str]
) -> list[Manifest]:
    return [
        {
            "kind": "Deployment",
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"selector": {"matchLabels": selector}},
        },
        pod(f"{namespace}/{name}-1", ip, labels=labels, owner=f"Deployment/{name}"),
    ]
