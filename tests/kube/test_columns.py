"""What enrichment writes: names, copies of labels, cuts."""

from __future__ import annotations

import pytest

from pipeline.kube.api import objects
from pipeline.kube.columns import Column, Copied, columns, copied, shorten
from pipeline.kube.index.index import Index


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (None, "abcdef"),
        (6, "abcdef"),
        (5, "ab..."),
        (4, "a..."),
        (3, "..."),
        (2, ".."),
        (0, ""),
        (-1, ""),
    ],
)
def test_shorten(limit: int | None, text: str) -> None:
    """A cut value ends with three dots, as far as they fit."""
    assert shorten("abcdef", limit) == text


def test_names() -> None:
    """The names of the columns in both spellings; uid columns are always empty."""
    native = columns("SrcK8S", "", zone=False)
    assert "SrcK8S_Zone" not in native
    assert native["SrcK8S_OwnerType"] == Column("owner_kind")
    otel = columns("source.", "otel", zone=True)
    assert otel["source.k8s.zone"] == Column("zone")
    assert otel["source.k8s.pod.uid"] == Column("uid:Pod")


LABELLED = Index(
    [objects.of({"kind": "Pod", "metadata": {"name": "a", "labels": dict.fromkeys("cab", "x")}})]
)


@pytest.mark.parametrize(
    ("rule", "needed", "fields"),
    [
        (Copied(), None, []),
        (Copied("L"), None, ["L_a", "L_b", "L_c"]),
        (Copied("L", include=["b", "a", "z"]), None, ["L_a", "L_b"]),
        (Copied("L", include=["a", "b"], exclude=["a"]), None, ["L_b"]),
        (Copied("L"), {"L_z", "L_a", "M_a"}, ["L_a", "L_z"]),
        (Copied("L", exclude=["a"]), {"L_z", "L_a"}, ["L_z"]),
    ],
)
def test_copied(rule: Copied, needed: set[str] | None, fields: list[str]) -> None:
    """Labels to copy: included, excluded, needed, and from the whole index."""
    assert list(copied("labels", rule, LABELLED, needed)) == fields
