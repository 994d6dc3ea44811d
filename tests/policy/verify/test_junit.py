from __future__ import annotations

from xml.etree import ElementTree as ET

import polars as pl

from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from policy.verify.junit import junit
from policy.verify.verification import verify
from tests.support.policies import edge, edges


def test_an_edge_is_a_test_case(
    policies: list[NetworkPolicy], seen: pl.DataFrame, cluster: Cluster
) -> None:
    suite = ET.fromstring(junit(verify(policies, seen, cluster)))  # noqa: S314 - it is ours
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["8", "3", "2"]
    failed = suite.find("testcase[failure]")
    assert failed is not None
    assert failed.attrib == {
        "classname": "Deployment shop/web",
        "name": "to StatefulSet shop/db UDP 5432",
    }
    assert failed[0].get("message") == "denied by shop/db ingress"
    skipped = suite.findall("testcase/skipped")
    assert str(skipped[1].get("message")) == "Deployment shop/gone: no pod of it is known"


def test_names_of_any_letters(cluster: Cluster) -> None:
    """A label comes from a flow; XML does not allow every letter."""
    odd = edges(edge('label:a"<&\x1b\x00\ud7ff', "10.0.0.1", None, "ICMP"))
    suite = ET.fromstring(junit(verify([], odd, cluster)))  # noqa: S314 - it is ours
    assert str(suite[0].get("classname")).startswith('a"<&')
