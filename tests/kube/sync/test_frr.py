"""FRRConfigurations from a real API server, followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.kube.api.access import Access
from pipeline.kube.sync.frr import FrrFeed
from tests.real.cluster import apply, define, delete, eventually, kubeconfig, lenient, namespace
from tests.real.kube import Kube

KIND = lenient("frrk8s.metallb.io", "v1beta1", "FRRConfiguration", namespaced=True)


def configuration(space: str, name: str, asn: int, *prefixes: str) -> dict[str, Any]:
    return {
        "apiVersion": "frrk8s.metallb.io/v1beta1",
        "kind": "FRRConfiguration",
        "metadata": {"name": name, "namespace": space},
        "spec": {"bgp": {"routers": [{"asn": asn, "prefixes": list(prefixes)}]}},
    }


def told(feed: FrrFeed) -> list[tuple[str, str]]:
    return [(str(network), asn) for network, asn in feed.advertised()]


def test_a_cluster_without_the_kind_and_then_with_it(new_kube: Kube, tmp_path: Path) -> None:
    """It is not waited for; what changes is followed, and the fingerprint with it."""
    kubeconfig(new_kube, tmp_path)
    feed = FrrFeed(Access(kubeconfig="kubeconfig").connect(tmp_path))
    try:
        assert feed.wait(60)
        assert (told(feed), feed.problems(), feed.waiting()) == ([], [], [])
        empty = feed.fingerprint()
        define(
            new_kube, lenient("frrk8s.metallb.io", "v1beta1", "FRRConfiguration", namespaced=True)
        )
        apply(new_kube, namespace("flowmatrix-test-frr"))
        one = configuration("flowmatrix-test-frr", "edge", 64512, "10.1.0.0/16")
        apply(new_kube, one)
        eventually(lambda: told(feed) == [("10.1.0.0/16", "64512")])
        assert feed.fingerprint() != empty
        apply(new_kube, configuration("flowmatrix-test-frr", "edge", 64513, "10.2.0.0/16"))
        eventually(lambda: told(feed) == [("10.2.0.0/16", "64513")])
        delete(new_kube, one)
        eventually(lambda: told(feed) == [])
    finally:
        feed.close()
