"""What stages know about an address, of objects and of subnet labels."""

from __future__ import annotations

from pipeline.kube.api import objects
from pipeline.kube.index.index import Index
from pipeline.kube.index.owners import Climb
from pipeline.kube.knowledge import LabelKnowledge, ObjectKnowledge
from pipeline.kube.subnets import Label

NODE = {
    "kind": "Node",
    "metadata": {"name": "n1"},
    "status": {"addresses": [{"address": "fd00::1"}]},
}
LISTED = [Label("wide", ["10.0.0.0/8"]), Label("six", ["fd00::/16"])]
DESCRIBED = [Label("narrow", ["10.1.0.0/16"])]


def test_objects_are_explained_by_any_form_of_an_address() -> None:
    """Without a cluster nothing is incomplete."""
    knowledge = ObjectKnowledge(Index([objects.of(NODE)]), Climb())
    assert knowledge.problems() == []
    for form in ("fd00::1", "FD00:0::1", "fd00::1%eth0"):
        assert dict(knowledge.explain(form, None))["object"] == "Node n1"
    assert dict(knowledge.explain("10.0.0.1", None))["object"].startswith("none: ")


def test_labels_are_explained_by_the_rule_that_chose_them() -> None:
    """Listed labels come first, then those of a file; or the narrowest network."""
    first = LabelKnowledge(LISTED, DESCRIBED)
    assert (first.labels(), first.derived()) == ([*LISTED, *DESCRIBED], DESCRIBED)
    assert list(first.explain("10.1.2.3", None)) == [
        ("subnet label", "wide: 10.0.0.0/8, first in list order (label 1 of 3, listed)")
    ]
    longest = LabelKnowledge(LISTED, DESCRIBED, longest=True)
    assert list(longest.explain("::ffff:10.1.2.3", None)) == [
        ("subnet label", "narrow: 10.1.0.0/16, narrowest (label 3 of 3, derived from the cluster)")
    ]
    assert list(first.explain("192.0.2.1", None)) == [
        ("subnet label", "none: no network of 3 labels is around it")
    ]
    assert first.problems() == []
