"""Ends of edges: which are the same, and which have a label by now."""

from __future__ import annotations

import polars as pl
import pytest

from matrix.ends import key, labelled
from pipeline.kube.subnets import Label
from tests.support.edges import ends

LABELS = [Label("partner", ["203.0.113.0/24", "2001:db8::/32"]), Label("all", ["203.0.0.0/8"])]


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("203.0.113.7", "partner"),
        ("203.0.112.7", "all"),
        ("203.0.113.0/24", "partner"),
        ("203.0.112.0/23", "all"),
        ("2001:db8::1", "partner"),
        ("2001:db8::/64", "partner"),
        ("202.0.0.0/7", ""),
        ("198.51.100.1", ""),
        ("__overflow__", ""),
    ],
)
def test_what_has_a_label_by_now(address: str, label: str) -> None:
    """The first label that is around the address, or around all of a network, takes its place."""
    rows = pl.DataFrame([ends("Deployment/shop/web", address)])
    (found,) = labelled(rows, LABELS, "client_", "server_").rows(named=True)
    assert (found["server_label"], found["server_address"]) == (label, "" if label else address)
    assert found["client_workload"] == "web"


def test_a_label_that_is_there_stays() -> None:
    rows = pl.DataFrame([ends("label:old", "203.0.113.7")])
    assert labelled(rows, LABELS, "client_", "server_")["client_label"].to_list() == ["old"]


def test_objects_are_told_apart_without_their_label() -> None:
    """A node is the same, whichever of its addresses was labelled; an address is not a label."""
    names = ("Node//n1", "Node//n1", "label:x", "label:y", "x")
    rows = pl.DataFrame([ends(name, "") for name in names])
    rows[1, "client_label"] = "Pods"
    keys = rows.select(key("client_")).to_series().to_list()
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
